using Microsoft.AspNetCore.Http;
using Tempo.Host.Config;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class QueryGuardTests
{
    private static HostOptions Options(string yaml)
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", $"query_frontend: {{{yaml}}}", options);
        return options;
    }

    private static async Task<(int Status, string Text, bool WasHandled)> AskAsync(
        HostOptions options, string path, string query, Func<HttpContext, Task>? handle = null)
    {
        var context = new DefaultHttpContext
        {
            Request = { Path = path, QueryString = new QueryString(query) },
            Response = { Body = new MemoryStream() }
        };
        var wasHandled = false;
        await new QueryGuard(options.Api, TimeProvider.System).HandleAsync(context, () =>
        {
            wasHandled = true;
            return handle?.Invoke(context) ?? Task.CompletedTask;
        });
        context.Response.Body.Position = 0;
        return (context.Response.StatusCode, await new StreamReader(context.Response.Body).ReadToEndAsync(), wasHandled);
    }

    [Theory]
    [InlineData("/api/search", "?q=%7B%7D&limit=1000", true)]
    [InlineData("/api/search", "?q=%7B%7D&limit=100", false)]
    [InlineData("/api/traces/dead", "", true)]
    [InlineData("/api/v2/traces/dead", "", false)]
    [InlineData("/API/TRACES/dead", "", false)]
    public async Task ADeniedUrlIsRefusedAsItWasSent(string path, string query, bool isDenied)
    {
        var (status, text, wasHandled) = await AskAsync(Options("url_deny_list: ['limit=\\d{4,}', '^/api/traces/']"), path, query);
        Assert.Equal(!isDenied, wasHandled);
        if (!isDenied) return;
        Assert.Equal(400, status);
        Assert.Equal($"Invalid request {path}{query}. This query has been identified as one that destabilizes our system. Contact your system administrator for more information", text);
    }

    [Fact]
    public void APatternThatIsNoneIsAnErrorOfTheConfiguration()
    {
        var error = Assert.Throws<ConfigException>(() => Options("url_deny_list: ['a', '(']"));
        Assert.Contains("line 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AQueryThatTakesTooLongIs503()
    {
        var (status, text, _) =
            await AskAsync(Options("api_timeout: 1ms"), "/api/search", "", context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        Assert.Equal((503, "unable to process request in the configured timeout"), (status, text));
    }

    [Fact]
    public async Task AnotherCancellationIsNotTakenForTheTimeout()
    {
        var inner = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => AskAsync(Options("api_timeout: 1h"), "/api/search", "", _ => Task.FromCanceled(inner)));
    }
}
