using System.Text.RegularExpressions;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary><c>server.http_path_prefix</c> and <c>http_api_prefix</c>: behind a proxy that does not take a path apart.</summary>
public sealed partial class PathPrefixTests
{
    [Theory]
    [InlineData("/tempo", "")]
    [InlineData("", "/api-of")]
    [InlineData("/a/tempo", "/api-of")]
    public async Task Every_endpoint_is_below_the_prefix_and_nowhere_else(string pathPrefix, string apiPrefix)
    {
        await using var tempo = TempoProcess.Prepare();
        tempo.Flags = [$"-server.path-prefix={pathPrefix}/", $"-http-api-prefix={apiPrefix}"];
        tempo.StartWithoutWaiting();
        await Eventually.HoldsAsync("the server is ready", async () => !tempo.HasEnded && await AnswersAsync(tempo, pathPrefix + "/ready"));
        var (trace, otlp) = (Spans.NewTrace(), new OtlpHttpClient(tempo.OtlpHttpUrl));
        using (otlp) Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);

        var routes = Route().Matches((await tempo.Api.AskAsync(pathPrefix + "/status/endpoints")).Text)
            .Select(static row => row.Groups["path"].Value).ToList();
        Assert.True(routes.Count > 40, $"{routes.Count} routes");
        // The limits of tenants are off, and then as if they were not there.
        foreach (var route in routes.Where(static route => route != "/api/overrides"))
        {
            var path = Variable().Replace(route, trace[0].TraceId);
            var prefix = pathPrefix + (path.StartsWith("/api/", StringComparison.Ordinal) ? apiPrefix : "");
            // A method that none takes tells that a route is there, and does nothing.
            var there = await tempo.Api.AskAsync(prefix + path, "PROPFIND");
            Assert.False(IsNoRoute(there), $"{prefix}{path}: {there}");
            if (prefix.Length > 0)
                Assert.True(IsNoRoute(await tempo.Api.AskAsync(path, "PROPFIND")), $"{path} is there without the prefix");
        }

        Assert.Equal(200, (await tempo.Api.AskAsync($"{pathPrefix}{apiPrefix}/api/v2/traces/{trace[0].TraceId}")).Status);
        if (pathPrefix.Length > 0) Assert.True(IsNoRoute(await tempo.Api.AskAsync(pathPrefix + "x/ready")));
        Assert.Equal(
            $"{pathPrefix}{apiPrefix}/api/echo", (await tempo.Api.AskAsync($"{pathPrefix}{apiPrefix}//api/echo")).Headers["Location"]);

        // The page asks for its parts, and for the API, where they are.
        var page = (await tempo.Api.AskAsync(pathPrefix + "/ui")).Text;
        foreach (Match link in Link().Matches(page)) Assert.Equal(200, (await tempo.Api.AskAsync(link.Groups[1].Value)).Status);
        Assert.Equal(2, Link().Count(page));
        Assert.Contains($"name=\"api-prefix\" content=\"{pathPrefix}{apiPrefix}\"", page, StringComparison.Ordinal);
    }

    private static bool IsNoRoute(HttpAnswer answer) => answer is { Status: 404, Text: "404 page not found\n" };

    private static async Task<bool> AnswersAsync(TempoProcess tempo, string path)
    {
        try
        {
            return (await tempo.Api.AskAsync(path)).Status == 200;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"\| (?<path>/\S*) +\|")]
    private static partial Regex Route();

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Variable();

    [GeneratedRegex("(?:href|src)=\"(/[^\"]+)\"")]
    private static partial Regex Link();
}
