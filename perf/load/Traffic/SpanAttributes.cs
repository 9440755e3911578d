using System.Globalization;

namespace Tempo.Perf.Load.Traffic;

/// <summary>
/// The attributes that instrumentation libraries put on a span, by surface, after the semantic conventions 1.27
/// (https://opentelemetry.io/docs/specs/semconv/): 10 to 15 of them, a few of high cardinality.
/// </summary>
internal static class SpanAttributes
{
    private static readonly string[] UserAgents =
    [
        "python-requests/2.32.4",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/139.0.7258.5 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0",
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.7204.179 Mobile Safari/537.36",
    ];

    public static void Write(AttributeWriter a, Operation operation, int instance, bool failed)
    {
        switch (operation.Surface)
        {
            case Surface.HttpServer: WriteHttpServer(a, operation, failed); break;
            case Surface.HttpClient: WriteHttpClient(a, operation, failed); break;
            case Surface.RpcServer or Surface.RpcClient: WriteRpc(a, operation, failed); break;
            case Surface.Database: WriteDatabase(a, operation); break;
            case Surface.Cache: WriteCache(a, operation); break;
            case Surface.Producer or Surface.Consumer: WriteMessaging(a, operation); break;
            case Surface.Internal: WriteInternal(a, operation); break;
        }
        operation.Describe?.Invoke(a);
        WriteRuntime(a, operation, instance);
    }

    private static void WriteHttpServer(AttributeWriter a, Operation operation, bool failed)
    {
        (string method, string route) = SplitTarget(operation.Target);
        a.Text("http.request.method", method);
        a.Text("url.scheme", "http");
        a.FreshText("url.path", FillRoute(route, a.Random));
        if (method == "GET") a.FreshText("url.query", "sessionId=" + AttributeWriter.UuidPattern + "&currencyCode=USD");
        a.Text("http.route", route);
        a.Number("http.response.status_code", failed ? 500 : a.Random.Chance(0.03) ? 404 : a.Random.Chance(0.05) ? 304 : 200);
        a.Text("network.protocol.version", "1.1");
        a.Text("server.address", operation.Service.Name);
        a.Number("server.port", operation.Service.Port);
        a.Text("client.address", AttributeWriter.PodAddress(a.Random.Below(600)));
        a.FreshPort("network.peer.port");
        a.Text("user_agent.original", a.Random.Pick<string>(UserAgents));
        a.FreshSize("http.response.body.size");
    }

    private static void WriteHttpClient(AttributeWriter a, Operation operation, bool failed)
    {
        (string method, string route) = SplitTarget(operation.Target);
        Service peer = operation.Peer!;
        a.Text("http.request.method", method);
        a.FreshText("url.full", string.Create(CultureInfo.InvariantCulture,
            $"http://{peer.Name}:{peer.Port}{FillRoute(route, a.Random)}?sessionId={AttributeWriter.UuidPattern}"));
        a.Number("http.response.status_code", failed ? 500 : 200);
        a.Text("network.protocol.version", "1.1");
        a.Text("network.transport", "tcp");
        a.Text("server.address", peer.Name);
        a.Number("server.port", peer.Port);
        a.Text("network.peer.address", peer.Address(a.Random.Below(peer.InstanceCount)));
        a.Number("network.peer.port", peer.Port);
        a.Text("peer.service", peer.Name);
        a.FreshSize("http.request.body.size");
        a.FreshSize("http.response.body.size");
    }

    private static void WriteRpc(AttributeWriter a, Operation operation, bool failed)
    {
        int slash = operation.Target.IndexOf('/', StringComparison.Ordinal);
        Service peer = operation.Peer!;
        bool isServer = operation.Surface == Surface.RpcServer;
        Service server = isServer ? operation.Service : peer;
        a.Text("rpc.system", "grpc");
        a.Text("rpc.service", operation.Target[..slash]);
        a.Text("rpc.method", operation.Target[(slash + 1)..]);
        a.Number("rpc.grpc.status_code", failed ? a.Random.Pick<int>([2, 4, 13, 14]) : 0);
        a.Text("server.address", server.Name);
        a.Number("server.port", server.Port);
        a.Text("network.peer.address", peer.Address(a.Random.Below(peer.InstanceCount)));
        if (isServer) a.FreshPort("network.peer.port");
        else
        {
            a.Number("network.peer.port", peer.Port);
            a.Text("peer.service", peer.Name);
        }
        a.Text("network.transport", "tcp");
        a.Text("network.type", "ipv4");
        a.FreshSize("rpc.request.size");
        a.FreshSize("rpc.response.size");
    }

    private static void WriteDatabase(AttributeWriter a, Operation operation)
    {
        int space = operation.Name.IndexOf(' ', StringComparison.Ordinal);
        a.Text("db.system", "postgresql");
        a.Text("db.namespace", "otel");
        a.Text("db.operation.name", operation.Name[..space]);
        a.Text("db.collection.name", operation.Name[(space + 1)..]);
        a.Text("db.query.text", operation.Target);
        a.Text("db.user", "otelu");
        a.Text("db.connection_string", "postgresql://postgresql:5432");
        a.Text("server.address", "postgresql");
        a.Number("server.port", 5432);
        a.Text("network.peer.address", AttributeWriter.PodAddress(211));
        a.Number("db.response.returned_rows", a.Random.Between(0, 10));
        a.Text("db.client.connection.pool.name", operation.Service.Name + "-pool");
    }

    private static void WriteCache(AttributeWriter a, Operation operation)
    {
        a.Text("db.system", "redis");
        a.FreshText("db.query.text", operation.Target + " " + AttributeWriter.UuidPattern);
        a.Text("db.operation.name", operation.Target);
        a.Text("db.redis.flags", "DemandMaster");
        a.Number("db.redis.database_index", 0);
        a.Text("server.address", "valkey-cart");
        a.Number("server.port", 6379);
        a.Text("net.peer.name", "valkey-cart");
        a.Text("network.peer.address", AttributeWriter.PodAddress(212));
        a.Number("network.peer.port", 6379);
    }

    private static void WriteMessaging(AttributeWriter a, Operation operation)
    {
        bool sends = operation.Surface == Surface.Producer;
        a.Text("messaging.system", "kafka");
        a.Text("messaging.destination.name", operation.Target);
        a.Text("messaging.operation.name", sends ? "publish" : "process");
        a.Text("messaging.operation.type", sends ? "send" : "process");
        a.Text("messaging.destination.partition.id", a.Random.Below(12).ToString(CultureInfo.InvariantCulture));
        a.FreshOffset("messaging.kafka.offset");
        a.FreshUuid("messaging.message.id");
        a.FreshSize("messaging.message.body.size");
        a.Text("messaging.client.id", operation.Service.Name + "-client-1");
        if (!sends) a.Text("messaging.consumer.group.name", operation.Service.Name);
        a.Text("server.address", "kafka");
        a.Number("server.port", 9092);
        a.Text("network.transport", "tcp");
    }

    private static void WriteInternal(AttributeWriter a, Operation operation)
    {
        a.Text("code.function.name", $"{operation.Service.Name}.{operation.Name.Split(' ', '(')[0]}");
        a.Text("code.file.path", $"/usr/src/app/src/{operation.Service.Name}/handlers.{operation.Service.Sdk.Language[..2]}");
        a.Number("code.line.number", 20 + operation.Name.Length * 7);
        a.Text("app.span.type", "handler");
        a.FreshText("app.request.id", "req-################");
        a.Texts("app.feature_flags", "cartFailure=off", "adHighCpu=off");
        a.Flag("app.cache.hit", a.Random.Chance(0.7));
        a.Real("app.sampling.priority", 1.0);
        a.Number("app.queue.depth", a.Random.Between(0, 40));
    }

    private static void WriteRuntime(AttributeWriter a, Operation operation, int instance)
    {
        if (operation.Service.Sdk == Sdk.Java || operation.Service.Sdk == Sdk.DotNet || operation.Service.Sdk == Sdk.Python)
        {
            int thread = a.Random.Between(10, 60);
            a.Number("thread.id", thread);
            a.Text("thread.name", string.Create(CultureInfo.InvariantCulture, $"worker-{instance}-{thread}"));
        }
    }

    private static (string Method, string Route) SplitTarget(string target)
    {
        int space = target.IndexOf(' ', StringComparison.Ordinal);
        return (target[..space], target[(space + 1)..]);
    }

    // Ids of products repeat; files and images carry a hash and so do not.
    private static string FillRoute(string route, Xoshiro256 random) => route
        .Replace("{productId}", random.Pick<string>(["OLJCESPC7Z", "66VCHSJNUP", "1YMWWN1N4O", "L9ECAV7KIM", "2ZYFJ3GM2N", "0PUK6V6EV0"]),
            StringComparison.Ordinal)
        .Replace("{file}", "chunk-########.js", StringComparison.Ordinal)
        .Replace("{image}", random.Pick<string>(
            ["NationalParkFoundation.jpg", "LensCleaningKit.jpg", "RedFlashlight.jpg", "TheCometBook.jpg"]), StringComparison.Ordinal);
}
