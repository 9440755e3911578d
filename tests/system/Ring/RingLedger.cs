using System.Globalization;
using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>
/// What was sent to a cluster and acknowledged, and the question whether each node has it all: by id, by search, and counted once
/// by a metrics query.
/// </summary>
internal sealed class RingLedger
{
    public const int SpansPerTrace = 4;
    private readonly List<SpanFacts[]> _acknowledged = [];
    private int _sentTraces;
    private volatile int _senders;
    private int _checks;

    /// <summary>Of the spans of this ledger, which are no other's.</summary>
    public string Name { get; } = "ring " + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);

    /// <summary>Requests that were refused as retryable.</summary>
    public int Refused { get; private set; }

    public int AcknowledgedTraces
    {
        get
        {
            lock (_acknowledged) return _acknowledged.Count;
        }
    }

    /// <summary>Sends requests of several traces each to the node; notes those that were acknowledged.</summary>
    public async Task SendAsync(TempoProcess node, int requests, int tracesPerRequest = 5)
    {
        using var otlp = new OtlpHttpClient(node.OtlpHttpUrl);
        for (var i = 0; i < requests; i++) await SendAsync(otlp, tracesPerRequest);
    }

    /// <summary>Sends to the node until cancelled; a connection that breaks because the node ends is not an error.</summary>
    public async Task SendAsync(TempoProcess node, CancellationToken until)
    {
        using var otlp = new OtlpHttpClient(node.OtlpHttpUrl);
        Interlocked.Increment(ref _senders);
        while (!until.IsCancellationRequested)
        {
            try
            {
                await SendAsync(otlp, tracesPerRequest: 5);
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                await Task.Delay(20, CancellationToken.None);
            }

            await Task.Delay(50, CancellationToken.None);
        }

        Interlocked.Decrement(ref _senders);
    }

    /// <summary>Waits until so many traces are acknowledged.</summary>
    public Task HasAsync(int traces) => Eventually.HoldsAsync($"{traces} traces are acknowledged", () => AcknowledgedTraces >= traces);

    /// <summary>
    /// After the last check has passed: nothing was lost, doubled or hidden, or the test would have failed. The file that
    /// TEMPO_TORTURE_RESULTS names gets a line of JSON.
    /// </summary>
    public void Report(string fault, int rounds)
    {
        var line = JsonSerializer.Serialize(
            new { fault, rounds, acknowledged = AcknowledgedTraces * SpansPerTrace, refused = Refused, checks = _checks });
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        if (Environment.GetEnvironmentVariable("TEMPO_TORTURE_RESULTS") is { } file) File.AppendAllText(file, line + "\n");
    }

    /// <summary>The node has every acknowledged trace, whole; searches find each once, and metrics count each span once.</summary>
    public async Task CheckAsync(TempoProcess node, int byId = 20)
    {
        Interlocked.Increment(ref _checks);
        try
        {
            await CompareAsync(node, byId);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"{e.Message}\nLog of {node.ApiAddress}:\n{node.Log}", e);
        }
    }

    /// <summary>
    /// The same of answers that may be partial: one that does not say so has every span that was acknowledged before it was asked for. True
    /// if none said so.
    /// </summary>
    public async Task<bool> CheckUnlessPartialAsync(TempoProcess node)
    {
        Interlocked.Increment(ref _checks);
        SpanFacts[][] sent;
        lock (_acknowledged) sent = [.. _acknowledged];
        var trace = sent[Random.Shared.Next(sent.Length)];
        var byId = await node.Api.AskAsync($"/api/v2/traces/{trace[0].TraceId}");
        var isWhole = !byId.Text.Contains("PARTIAL", StringComparison.Ordinal);
        if (isWhole)
        {
            using var json = JsonDocument.Parse(byId.Text);
            SpanFacts.AssertSame(trace, TraceJson.SpansOfTrace(json.RootElement.GetProperty("trace")));
        }

        if (await TryCountAsync(node) is not { } counted) return false;
        Assert.True(counted >= SpansPerTrace * sent.Length,
            $"{counted} of {SpansPerTrace * sent.Length} spans are counted, and the answer does not say that it is partial\n{node.Log}");
        Assert.True(counted <= SpansPerTrace * Volatile.Read(ref _sentTraces), $"{counted} spans are counted\n{node.Log}");
        return isWhole;
    }

    private async Task CompareAsync(TempoProcess node, int byId)
    {
        SpanFacts[][] sent;
        lock (_acknowledged) sent = [.. _acknowledged];
        Assert.NotEmpty(sent);
        var step = Math.Max(1, sent.Length / byId);
        for (var i = 0; i < sent.Length; i += step) SpanFacts.AssertSame(sent[i], await node.Api.FindTraceAsync(sent[i][0].TraceId));
        var found = await node.Api.SearchAsync($"{{ name = \"{Name}\" }}", limit: 100_000);
        Assert.Equal(found.Count, found.Select(static trace => trace.TraceId).Distinct().Count());
        var byTrace = found.ToDictionary(static trace => trace.TraceId, static trace => trace.Matched);
        foreach (var trace in sent) Assert.Equal(SpansPerTrace, byTrace.GetValueOrDefault(trace[0].TraceId));

        // Spans that were sent and not acknowledged may be there or not, and while others send there are more each time.
        var counted = await CountAsync(node);
        Assert.InRange(counted, SpansPerTrace * sent.Length, SpansPerTrace * Volatile.Read(ref _sentTraces));
        if (counted > SpansPerTrace * sent.Length && _senders == 0) Assert.Equal(found.Sum(static trace => trace.Matched), counted);
    }

    /// <summary>Spans that a metrics query counts.</summary>
    public async Task<int> CountAsync(TempoProcess node) =>
        await TryCountAsync(node) ?? throw new InvalidOperationException("a partial answer");

    // Null: the answer is partial.
    private async Task<int?> TryCountAsync(TempoProcess node)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var query = Uri.EscapeDataString($"{{ name = \"{Name}\" }} | count_over_time()");
        var answer = await node.Api.AskAsync($"/api/metrics/query?q={query}&start={now - 3600}&end={now + 60}");
        Assert.True(answer.Status == 200, answer.ToString());
        using var json = JsonDocument.Parse(answer.Text);
        if (json.RootElement.TryGetProperty("status", out _)) return null;
        var series = json.RootElement.GetProperty("series");
        return series.GetArrayLength() == 0 ? 0 : (int)series[0].GetProperty("value").GetDouble();
    }

    private async Task SendAsync(OtlpHttpClient otlp, int tracesPerRequest)
    {
        var traces = Enumerable.Range(0, tracesPerRequest).Select(_ => Spans.NewTrace(SpansPerTrace, Name)).ToArray();
        Interlocked.Add(ref _sentTraces, tracesPerRequest);
        var answer = await otlp.PostAsync(ExportRequest.Encode([.. traces.SelectMany(static trace => trace)]));
        if (answer.Status == 200)
        {
            lock (_acknowledged) _acknowledged.AddRange(traces);
            return;
        }

        Assert.True(answer.Status is 503 or 429, answer.ToString());
        Refused++;
    }
}
