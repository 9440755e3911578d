using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Http;
using Tempo.Host.Telemetry;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class ApiRouterTests
{
    private static ApiRouter Router(string prefix = "") =>
        new(
            [
                new("/ready", "ready", AllowedMethods.Any, Answer("ready")),
                new("/api/traces/{id}", "trace", AllowedMethods.Any, Answer("trace")),
                new("/api/search", "search", AllowedMethods.Get, Answer("search")),
                new("/api/search/tag/{name}/values", "values", AllowedMethods.Any, Answer("values")),
                new("/flush", "flush", AllowedMethods.GetAndPost, Answer("flush")),
                new("/api/overrides", "overrides", AllowedMethods.Overrides, Answer("overrides")),
            ], prefix, new RequestMetrics(new MetricRegistry()), TimeProvider.System);

    private static Func<HttpContext, string, Task> Answer(string name) =>
        (context, variable) => context.Response.WriteAsync($"{name}({variable})");

    private static async Task<(int Status, string Body, HttpResponse Response)> SendAsync(
        ApiRouter router, string path, string method = "GET")
    {
        var context = new DefaultHttpContext
        {
            Request = { Path = path, Method = method, QueryString = new QueryString("?a=b") },
            Response = { Body = new MemoryStream() }
        };
        await router.HandleAsync(context);
        context.Response.Body.Position = 0;
        return (context.Response.StatusCode, await new StreamReader(context.Response.Body).ReadToEndAsync(), context.Response);
    }

    [Theory]
    [InlineData("/ready", "ready()")]
    [InlineData("/api/traces/12", "trace(12)")]
    [InlineData("/api/search/tag/span.a/b/values", "values(span.a/b)")]
    [InlineData("/api/search/tag/values/values", "values(values)")]
    public async Task Finds(string path, string expected) =>
        Assert.Equal((200, expected), ((await SendAsync(Router(), path)).Status, (await SendAsync(Router(), path)).Body));

    [Theory]
    [InlineData("/")]
    [InlineData("/api")]
    [InlineData("/api/traces")]
    [InlineData("/api/traces/")]
    [InlineData("/api/traces/1/2")]
    [InlineData("/api/search/tag/values")]
    [InlineData("/Ready")]
    public async Task DoesNotFind(string path)
    {
        var (status, body, _) = await SendAsync(Router(), path);
        Assert.Equal((404, "404 page not found\n"), (status, body));
    }

    [Theory]
    [InlineData("/flush", "GET", "Sec-Fetch-Site", "cross-site", 403)]
    [InlineData("/flush", "POST", "Sec-Fetch-Site", "same-site", 403)]
    [InlineData("/flush", "POST", "Sec-Fetch-Site", "same-origin", 200)]
    [InlineData("/flush", "GET", "Sec-Fetch-Site", "none", 200)]
    [InlineData("/flush", "POST", "Origin", "http://evil.example", 403)]
    [InlineData("/flush", "POST", "Origin", "null", 403)]
    [InlineData("/flush", "POST", "Origin", "http://tempo:3200", 200)]
    [InlineData("/flush", "POST", "Origin", "http://tempo:3201", 403)]
    [InlineData("/api/overrides", "DELETE", "Origin", "http://evil.example", 403)]
    [InlineData("/api/overrides", "GET", "Sec-Fetch-Site", "cross-site", 200)]
    [InlineData("/api/search", "GET", "Sec-Fetch-Site", "cross-site", 200)]
    [InlineData("/api/traces/1", "DELETE", "Sec-Fetch-Site", "cross-site", 403)]
    [InlineData("/api/traces/1", "DELETE", "Origin", "http://evil.example", 403)]
    [InlineData("/api/traces/1", "DELETE", "Sec-Fetch-Site", "same-origin", 200)]
    [InlineData("/api/traces/1", "GET", "Sec-Fetch-Site", "cross-site", 200)]
    public async Task Another_sites_page_changes_nothing(string path, string method, string header, string value, int expected)
    {
        var context = new DefaultHttpContext
        {
            Request = { Path = path, Method = method, Host = new HostString("tempo", 3200) },
            Response = { Body = new MemoryStream() }
        };
        context.Request.Headers[header] = value;
        await Router().HandleAsync(context);
        Assert.Equal(expected, context.Response.StatusCode);
    }

    [Fact]
    public async Task Of_a_parameter_given_twice_the_first_is_taken()
    {
        var context = new DefaultHttpContext
        {
            Request = { Path = "/api/search", Method = "GET", QueryString = new QueryString("?q={}&limit=1&limit=2") }
        };
        await Router().HandleAsync(context);
        Assert.Equal(("{}", "1"), (context.Request.Query["q"].ToString(), context.Request.Query["limit"].ToString()));
    }

    [Fact]
    public async Task ThePrefixMovesTheApiAndNothingElse()
    {
        var router = Router("/tempo");
        Assert.Equal(200, (await SendAsync(router, "/tempo/api/search")).Status);
        Assert.Equal("trace(1)", (await SendAsync(router, "/tempo/api/traces/1")).Body);
        Assert.Equal(404, (await SendAsync(router, "/api/search")).Status);
        Assert.Equal(200, (await SendAsync(router, "/ready")).Status);
        Assert.Equal(404, (await SendAsync(router, "/tempo/ready")).Status);
    }

    [Fact]
    public async Task ARequestThatThrowsIsCountedAsTheAnswerItGets()
    {
        var registry = new MetricRegistry();
        var router = new ApiRouter(
            [new("/bad", "bad", AllowedMethods.Any, static (_, _) => throw new InvalidDataException())],
            "", new RequestMetrics(registry), TimeProvider.System);
        await Assert.ThrowsAsync<InvalidDataException>(() => SendAsync(router, "/bad"));
        var text = new ArrayBufferWriter<byte>();
        registry.WriteTo(text);
        Assert.Contains(
            """tempo_request_duration_seconds_count{method="GET",route="bad",status_code="500",ws="false"} 1""",
            Encoding.UTF8.GetString(text.WrittenSpan), StringComparison.Ordinal);
    }

    [Fact]
    public async Task MethodsAndDoubleSlashes()
    {
        Assert.Equal(405, (await SendAsync(Router(), "/api/search", "HEAD")).Status);
        Assert.Equal(200, (await SendAsync(Router(), "/ready", "DELETE")).Status);
        var (status, _, response) = await SendAsync(Router(), "//api///search");
        Assert.Equal((301, "/api/search?a=b"), (status, response.Headers.Location.ToString()));
    }
}
