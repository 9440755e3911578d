namespace Tempo.Perf.Load.Traffic;

/// <summary>
/// The web shop of the OpenTelemetry demo as a call graph: 19 services, ten user journeys. The names follow the demo's public
/// documentation (https://opentelemetry.io/docs/demo/); the graph and the numbers are ours and only meant to have the same texture.
/// </summary>
internal static class DemoShop
{
    private static int _serviceCount;

    private static readonly Service LoadGenerator = NewService("load-generator", Sdk.Python, 8089, 1);
    private static readonly Service FrontendProxy = NewService("frontend-proxy", Sdk.Cpp, 8080, 2);
    private static readonly Service Frontend = NewService("frontend", Sdk.NodeJs, 8080, 4);
    private static readonly Service ImageProvider = NewService("image-provider", Sdk.Cpp, 8081, 2);
    private static readonly Service ProductCatalog = NewService("product-catalog", Sdk.Go, 3550, 3);
    private static readonly Service ProductReviews = NewService("product-reviews", Sdk.Python, 3551, 2);
    private static readonly Service Recommendation = NewService("recommendation", Sdk.Python, 9001, 2);
    private static readonly Service Ad = NewService("ad", Sdk.Java, 9555, 2);
    private static readonly Service Cart = NewService("cart", Sdk.DotNet, 7070, 3);
    private static readonly Service Checkout = NewService("checkout", Sdk.Go, 5050, 3);
    private static readonly Service Currency = NewService("currency", Sdk.Cpp, 7001, 2);
    private static readonly Service Payment = NewService("payment", Sdk.NodeJs, 50051, 2);
    private static readonly Service Shipping = NewService("shipping", Sdk.Rust, 50050, 2);
    private static readonly Service Quote = NewService("quote", Sdk.Php, 8090, 2);
    private static readonly Service Email = NewService("email", Sdk.Php, 6060, 1);
    private static readonly Service Accounting = NewService("accounting", Sdk.DotNet, 8083, 2);
    private static readonly Service FraudDetection = NewService("fraud-detection", Sdk.Java, 8084, 2);
    private static readonly Service FeatureFlags = NewService("flagd", Sdk.Go, 8013, 1);
    private static readonly Service Storefront = NewService("frontend-web", Sdk.NodeJs, 443, 1);

    private static readonly string[] Products =
    [
        "OLJCESPC7Z", "66VCHSJNUP", "1YMWWN1N4O", "L9ECAV7KIM", "2ZYFJ3GM2N", "0PUK6V6EV0", "LS4PSXUNUM", "9SIQT8TOJO", "6E92ZMYYFZ",
        "HQTGWGPNH4",
    ];

    private static readonly string[] Currencies = ["USD", "EUR", "CHF", "GBP", "JPY", "CAD"];

    private static readonly (Operation Entry, int Weight)[] Journeys = BuildJourneys();

    /// <summary>The entry of a journey, drawn by how often users make it.</summary>
    public static Operation DrawJourney(Xoshiro256 random)
    {
        int ticket = random.Below(Journeys.Sum(static journey => journey.Weight));
        foreach ((Operation entry, int weight) in Journeys)
            if ((ticket -= weight) < 0)
                return entry;
        throw new InvalidOperationException("The ticket is below the sum of the weights.");
    }

    private static (Operation, int)[] BuildJourneys()
    {
        Operation flag = Rpc(ProductCatalog, FeatureFlags, "flagd.evaluation.v1.Service/ResolveBoolean", 180);
        Operation product = Rpc(Frontend, ProductCatalog, "oteldemo.ProductCatalogService/GetProduct", 700,
            [flag, Sql(ProductCatalog, "SELECT", "products",
                "SELECT p.id, p.name, p.description, p.picture, p.price_currency_code, p.price_units FROM catalog.products p WHERE p.id = $1", 1400)],
            DescribeProduct, errorRate: 0.04);
        Operation products = Rpc(Frontend, ProductCatalog, "oteldemo.ProductCatalogService/ListProducts", 1100,
            [Sql(ProductCatalog, "SELECT", "products",
                "SELECT p.id, p.name, p.description, p.picture, p.price_currency_code, p.price_units FROM catalog.products p ORDER BY p.id",
                2600)],
            static a => a.Number("app.products.count", 10));
        Operation convert = Rpc(Frontend, Currency, "oteldemo.CurrencyService/Convert", 160, [], DescribeConversion);
        Operation getCart = CartRpc(Frontend, "GetCart", "HGETALL");
        Operation addItem = CartRpc(Frontend, "AddItem", "HSET");
        Operation reviews = Rpc(Frontend, ProductReviews, "oteldemo.ProductReviewService/GetProductReviews", 2300,
            [Sql(ProductReviews, "SELECT", "productreviews",
                "SELECT username, description, score FROM reviews.productreviews WHERE product_id = %s", 1900)], DescribeProduct);
        Operation recommend = Rpc(Frontend, Recommendation, "oteldemo.RecommendationService/ListRecommendations", 1800,
            [Local(Recommendation, "get_product_list", 300,
                [Rpc(Recommendation, ProductCatalog, "oteldemo.ProductCatalogService/ListProducts", 900,
                    [Sql(ProductCatalog, "SELECT", "products", "SELECT p.id, p.name FROM catalog.products p", 1500)])])],
            static a =>
            {
                a.Number(
                "app.products_recommended.count", 5); a.Flag("app.recommendation.cache_enabled", a.Random.Chance(0.5));
            });
        Operation ads = Rpc(Frontend, Ad, "oteldemo.AdService/GetAds", 1200, [Local(Ad, "getAdsByCategory", 250)],
            static a =>
            {
                a.Text("app.ads.contextKeys",
                a.Random.Pick<string>(["telescopes", "binoculars", "flashlights", "books", "accessories"])); a.Number("app.ads.count",
                    2);
            }, errorRate: 0.08);
        Operation flagsForWeb = Http(FrontendProxy, FeatureFlags, "POST", "/flagservice/ofrep/v1/evaluate/flags", 400);

        return
        [
            (Visit("GET", "/", [Local(Frontend, "render route (pages) /", 2500)], fromBrowser: true), 6),
            (Visit("GET", "/api/products", [products, new Call(convert, 1, 10)]), 10),
            (Visit("GET", "/api/products/{productId}", [product, new Call(convert, 0, 1), reviews]), 26),
            (Visit("GET", "/api/recommendations", [recommend, new Call(product, 4, 5)]), 12),
            (Visit("GET", "/api/data", [ads, flag]), 12),
            (Visit("GET", "/api/cart", [getCart, new Call(product, 0, 4), new Call(convert, 0, 4)], fromBrowser: true), 14),
            (Visit("POST", "/api/cart", [product, addItem, getCart]), 12),
            (Visit("POST", "/api/checkout", [BuildCheckout(), new Call(product, 1, 3)]), 8),
            (Enter(flagsForWeb, fromBrowser: true), 4),
            (Enter(Http(FrontendProxy, ImageProvider, "GET", "/images/products/{image}", 350), fromBrowser: true), 6),
        ];
    }

    private static Operation BuildCheckout()
    {
        Operation account =
            Consume(Accounting, [Sql(Accounting, "INSERT", "order", "INSERT INTO accounting.\"order\" (order_id) VALUES (@p0)", 2100),
                new Call(Sql(Accounting, "INSERT", "orderitem",
                    "INSERT INTO accounting.orderitem (order_id, product_id, item_cost_currency_code, item_cost_units, quantity) VALUES (@p0, @p1, @p2, @p3, @p4)", 1300), 1, 3)]);
        Operation publish = Publish(
            Checkout, [account, Consume(
                FraudDetection, [Rpc(FraudDetection, FeatureFlags, "flagd.evaluation.v1.Service/ResolveInt", 200)])]);
        Operation productForOrder =
            Rpc(Checkout, ProductCatalog, "oteldemo.ProductCatalogService/GetProduct", 600, [], DescribeProduct, errorRate: 0.04);
        Operation convert = Rpc(Checkout, Currency, "oteldemo.CurrencyService/Convert", 160, [], DescribeConversion);
        Operation quote = Http(Checkout, Shipping, "POST", "/get-quote", 400,
            [Http(Shipping, Quote, "POST", "/getquote", 900, [Local(Quote, "calculate-quote", 350)])], DescribeShipping);
        Operation ship = Http(Checkout, Shipping, "POST", "/ship-order", 300, [], DescribeShipping);
        Operation mail = Http(Checkout, Email, "POST", "/send_order_confirmation", 1900,
            [Local(Email, "sinatra.render_template", 800), Local(Email, "send_email", 1500)]);
        Operation charge = Rpc(
            Checkout, Payment, "oteldemo.PaymentService/Charge", 1500, [Local(Payment, "charge", 500)], DescribePayment, errorRate: 0.1);

        Operation prepare = Local(Checkout, "prepareOrderItemsAndShippingQuoteFromCart", 300,
            [CartRpc(Checkout, "GetCart", "HGETALL"), new Call(productForOrder, 1, 4), new Call(convert, 1, 4), quote]);
        return Rpc(Frontend, Checkout, "oteldemo.CheckoutService/PlaceOrder", 800,
            [prepare, charge, ship, CartRpc(Checkout, "EmptyCart", "DEL"), mail, publish], DescribeOrder, errorRate: 0.05,
            milestones: ["prepared", "charged", "shipped"]);
    }

    // The way of every request into the shop: the load generator's client, the proxy's two spans, the front end's server and its handler.
    private static Operation Visit(string method, string route, Call[] calls, bool fromBrowser = false)
    {
        Operation handler = Local(Frontend, $"executing api route (pages) {route}", 600, calls);
        Operation server = new(Frontend, Surface.HttpServer, $"{method} {route}", $"{method} {route}", 500,
            [handler])
        { Describe = DescribeSession, ErrorRate = 0.03, Peer = FrontendProxy };
        Operation egress =
            new(FrontendProxy, Surface.HttpClient, "router frontend egress", $"{method} {route}", 120, [server]) { Peer = Frontend };
        return Enter(egress, method, route, fromBrowser);
    }

    // The load generator plays users; a part of the visits comes from browsers, whose first span is the page's.
    private static Operation Enter(Operation egress, string method = "GET", string route = "/static/{file}", bool fromBrowser = false)
    {
        Operation ingress = new(FrontendProxy, Surface.HttpServer, "ingress", $"{method} {route}", 150,
            [egress])
        { Peer = fromBrowser ? Storefront : LoadGenerator };
        Service user = fromBrowser ? Storefront : LoadGenerator;
        Operation client = new(user, Surface.HttpClient, method, $"{method} {route}", 400,
            [ingress])
        { Peer = FrontendProxy, Describe = a => a.Flag("synthetic_request", !fromBrowser) };
        return Local(user, fromBrowser ? "documentFetch" : $"user_{route.Split('/')[^1].Trim('{', '}')}", 700, [client], DescribeSession);
    }

    private static Operation Rpc(
        Service from, Service to, string method, double micros, Call[]? calls = null, Action<AttributeWriter>? describe = null,
        double errorRate = 0, string[]? milestones = null)
    {
        var server = new Operation(to, Surface.RpcServer, method, method, micros, calls ?? [])
        {
            Peer = from,
            Describe = describe,
            ErrorRate = errorRate,
            Milestones = milestones ?? [],
        };
        return new Operation(from, Surface.RpcClient, method, method, 90, [server]) { Peer = to };
    }

    private static Operation CartRpc(Service from, string method, string command)
    {
        var redis = new Operation(Cart, Surface.Cache, command, command, 350, []);
        return Rpc(from, Cart, $"oteldemo.CartService/{method}", 600, [redis], DescribeCart, milestones: ["Fetch cart"]);
    }

    private static Operation Http(
        Service from, Service to, string method, string route, double micros, Call[]? calls = null,
        Action<AttributeWriter>? describe = null)
    {
        var server = new Operation(
            to, Surface.HttpServer, $"{method} {route}", $"{method} {route}", micros, calls ?? [])
        { Peer = from, Describe = describe };
        return new Operation(from, Surface.HttpClient, method, $"{method} {route}", 150, [server]) { Peer = to };
    }

    private static Operation Sql(Service service, string verb, string table, string statement, double micros) =>
        new(service, Surface.Database, $"{verb} {table}", statement, micros, []);

    private static Operation Publish(Service service, Operation[] consumers) =>
        new(service, Surface.Producer, "publish orders", "orders", 1200,
            [.. consumers.Select(static consumer => new Call(consumer, Detached: true))]);

    private static Operation Consume(Service service, Call[] calls) =>
        new(service, Surface.Consumer, "process orders", "orders", 2500, calls) { ErrorRate = 0.05, Milestones = ["order decoded"] };

    private static Operation Local(
        Service service, string name, double micros, Call[]? calls = null, Action<AttributeWriter>? describe = null) =>
            new(service, Surface.Internal, name, name, micros, calls ?? []) { Describe = describe };

    private static Service NewService(string name, Sdk sdk, int port, int instanceCount) =>
        new(name, sdk, port, instanceCount) { Index = _serviceCount++ };

    private static void DescribeSession(AttributeWriter a)
    {
        a.FreshUuid("session.id");
        a.Text("app.currency", a.Random.Pick<string>(Currencies));
    }

    private static void DescribeProduct(AttributeWriter a) => a.Text("app.product.id", a.Random.Pick<string>(Products));

    private static void DescribeConversion(AttributeWriter a)
    {
        a.Text("app.currency.conversion.from", "USD");
        a.Text("app.currency.conversion.to", a.Random.Pick<string>(Currencies));
    }

    private static void DescribeCart(AttributeWriter a)
    {
        a.FreshUuid("app.user.id");
        a.Number("app.cart.items.count", a.Random.Between(0, 12));
    }

    private static void DescribeShipping(AttributeWriter a)
    {
        a.Number("app.shipping.items.count", a.Random.Between(1, 12));
        a.Real("app.shipping.cost.total", a.Random.Between(400, 99_000) / 100.0);
    }

    private static void DescribePayment(AttributeWriter a)
    {
        a.FreshUuid("app.payment.transaction.id");
        a.Text("app.payment.card_type", a.Random.Pick<string>(["visa", "mastercard"]));
        a.Flag("app.payment.charged", a.Random.Chance(0.95));
        a.Real("app.payment.amount", a.Random.Between(900, 990_000) / 100.0);
    }

    private static void DescribeOrder(AttributeWriter a)
    {
        a.FreshUuid("app.user.id");
        a.FreshUuid("app.order.id");
        a.Text("app.user.currency", a.Random.Pick<string>(Currencies));
        a.Real("app.order.amount", a.Random.Between(900, 990_000) / 100.0);
        a.Number("app.order.items.count", a.Random.Between(1, 12));
        a.FreshText("app.shipping.tracking.id", AttributeWriter.UuidPattern);
    }
}
