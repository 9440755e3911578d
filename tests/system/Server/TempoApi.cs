using System.Text.Json;
using Tempo.SystemTests.Facts;

namespace Tempo.SystemTests.Server;

/// <summary>The HTTP API as a client sees it.</summary>
public sealed class TempoApi(Uri address) : IDisposable
{
    // A bound on what hangs, not on what is slow: torture runs at a low priority beside eighty that compute.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = Patience };

    /// <summary>
    /// A request with the method, to a path such as <c>/api/echo</c>; the body is read whole, and nothing is decompressed.
    /// </summary>
    public async Task<HttpAnswer> AskAsync(
        string path, string method = "GET", string? accept = null, string? tenant = null, string? acceptEncoding = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), address.AbsoluteUri.TrimEnd('/') + path);
        if (accept is not null) request.Headers.TryAddWithoutValidation("Accept", accept);
        if (tenant is not null) request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
        if (acceptEncoding is not null) request.Headers.TryAddWithoutValidation("Accept-Encoding", acceptEncoding);
        return await HttpAnswer.AskAsync(_http, request);
    }

    /// <summary>The status of /ready, 0 if nobody listens.</summary>
    public async Task<int> ReadyStatusAsync()
    {
        try
        {
            return (await AskAsync("/ready")).Status;
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }

    /// <summary>The spans of a trace by the v2 endpoint, which answers 200 for a trace it does not have; none then.</summary>
    public async Task<IReadOnlyList<SpanFacts>> FindTraceAsync(string traceId, string? tenant = null)
    {
        var answer = await AskAsync($"/api/v2/traces/{traceId}", tenant: tenant);
        Assert.True(answer.Status == 200, answer.ToString());
        using var json = JsonDocument.Parse(answer.Body);
        Assert.False(json.RootElement.TryGetProperty("status", out _), $"a partial answer: {answer.Text}");
        return TraceJson.SpansOfTrace(json.RootElement.GetProperty("trace"));
    }

    /// <summary>The traces a TraceQL search finds in the last hour, with how many of their spans matched.</summary>
    public async Task<IReadOnlyList<(string TraceId, int Matched)>> SearchAsync(string query, int limit = 20, string? tenant = null)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var path = $"/api/search?q={Uri.EscapeDataString(query)}&limit={limit}&start={now - 3600}&end={now + 60}";
        var answer = await AskAsync(path, tenant: tenant);
        Assert.True(answer.Status == 200, $"{query}: {answer}");
        using var json = JsonDocument.Parse(answer.Body);
        return [.. json.RootElement.GetProperty("traces").EnumerateArray().Select(trace => (
            trace.GetProperty("traceID").GetString()!.PadLeft(32, '0'),
            trace.GetProperty("spanSets").EnumerateArray().Sum(set => set.GetProperty("matched").GetInt32())))];
    }

    /// <summary>Returns when everything acknowledged before is in blocks.</summary>
    public async Task FlushAsync()
    {
        var answer = await AskAsync("/flush", "POST");
        Assert.True(answer.Status == 204, answer.ToString());
    }

    public async Task<PrometheusText> MetricsAsync() => new((await AskAsync("/metrics")).Text);

    public void Dispose() => _http.Dispose();
}
