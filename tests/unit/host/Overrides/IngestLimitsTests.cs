using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Tempo.Node.Tests;
using Tempo.Testing;
using Xunit;

namespace Tempo.Host.Tests.Overrides;

/// <summary>Limits of a tenant, held by a real node.</summary>
public sealed class IngestLimitsTests : IDisposable
{
    private static readonly TenantLimits Unlimited = TenantLimits.BuiltIn with
    {
        Ingestion = TenantLimits.BuiltIn.Ingestion with { MaxTracesPerUser = 0 },
        Global = new GlobalLimits(),
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-limits-").FullName;
    private readonly MetricRegistry _metrics = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task OverTheBurstIsForGoodOverTheRateIsForLater()
    {
        await using var node =
            await StartAsync(Unlimited with { Ingestion = Unlimited.Ingestion with { RateLimitBytes = 1, BurstSizeBytes = 100 } });
        var large = await IngestAsync(node, Enumerable.Range(1, 3).Select(static n => (1, n)));
        Assert.Equal(
            (IngestStatus.RateLimited, 0, 3, TimeSpan.Zero), (large.Status, large.AcceptedSpans, large.RejectedSpans, large.RetryAfter));
        Assert.StartsWith("RATE_LIMITED: batch size (", large.Message, StringComparison.Ordinal);
        Assert.Contains("exceeds ingestion limit (local: 1 bytes/s, global: 0 bytes/s, burst: 100 bytes) while adding ", large.Message,
            StringComparison.Ordinal);
        Assert.EndsWith("bytes for user single-tenant. consider reducing batch size or increasing rate limit.", large.Message,
            StringComparison.Ordinal);

        Assert.Equal(IngestStatus.Accepted, (await IngestAsync(node, [(1, 1)])).Status);
        await IngestAsync(node, [(1, 2)]);
        var later = await IngestAsync(node, [(1, 3)]);
        Assert.Equal((IngestStatus.RateLimited, TimeSpan.FromSeconds(5)), (later.Status, later.RetryAfter));
        Assert.StartsWith("RATE_LIMITED: ingestion rate limit (local: 1 bytes/s, global: 0 bytes/s, burst: 100 bytes) exceeded while adding ", later.Message, StringComparison.Ordinal);
        AssertAccounts("rate_limited");
    }

    [Fact]
    public async Task WithoutRetryInfoNoDelayIsGiven()
    {
        await using var node = await StartAsync(
            Unlimited with
            {
                Ingestion = Unlimited.Ingestion with { RateLimitBytes = 1, BurstSizeBytes = 60, IsRetryInfoEnabled = false }
            });
        await IngestAsync(node, [(1, 1)]);
        Assert.Equal(
            (IngestStatus.RateLimited, TimeSpan.Zero), await IngestAsync(node, [(1, 2)]) is var o ? (o.Status, o.RetryAfter) : default);
    }

    [Fact]
    public async Task SpansOfATraceTooLargeAreLeftOutAndTheOthersStay()
    {
        await using var node = await StartAsync(Unlimited with { Global = new GlobalLimits { MaxBytesPerTrace = 100 } });
        Assert.Equal((IngestStatus.Accepted, 2, 0), Counts(await IngestAsync(node, [(1, 1), (1, 2)])));
        var outcome = await IngestAsync(node, [(1, 3), (2, 1), (1, 4), (2, 2)]);
        Assert.Equal((IngestStatus.Accepted, 2, 2), Counts(outcome));
        Assert.StartsWith("TRACE_TOO_LARGE: 2 spans refused: max size of trace (100) exceeded", outcome.Message, StringComparison.Ordinal);
        Assert.Equal((2, 2), (await CountAsync(node, 1), await CountAsync(node, 2)));

        // The same after a restart: what was left out is not in the log.
        await node.DisposeAsync();
        await using var again = await StartAsync(Unlimited);
        Assert.Equal((2, 2), (await CountAsync(again, 1), await CountAsync(again, 2)));
        AssertAccounts("trace_too_large");
    }

    [Fact]
    public async Task OneLiveTraceTooManyIsRefused()
    {
        await using var node = await StartAsync(Unlimited with { Ingestion = Unlimited.Ingestion with { MaxTracesPerUser = 1 } });
        await IngestAsync(node, [(1, 1)]);
        var outcome = await IngestAsync(node, [(2, 1), (3, 1)]);
        Assert.Equal((IngestStatus.Accepted, 0, 2), Counts(outcome));
        Assert.Contains("LIVE_TRACES_EXCEEDED: 2 spans refused: max live traces exceeded for tenant single-tenant: per-user traces limit (local: 1 global: 0 actual local: 1) exceeded", outcome.Message, StringComparison.Ordinal);
        AssertAccounts("live_traces_exceeded");
    }

    /// <summary>A receiver's body may become longer than what the log takes, while it is transcoded.</summary>
    [Fact]
    public async Task ARequestTooLongForTheLogIsRefusedAndCounted()
    {
        await using var node = await StartAsync(
            Unlimited with { Ingestion = Unlimited.Ingestion with { RateLimitBytes = int.MaxValue, BurstSizeBytes = int.MaxValue } });
        Assert.Equal((IngestStatus.Accepted, 1, 0), Counts(await IngestPaddedAsync(NodeOptions.MaxRequestBytes, 1)));
        var outcome = await IngestPaddedAsync(NodeOptions.MaxRequestBytes + 1, 2);
        Assert.Equal((IngestStatus.TooLarge, 0, 1), Counts(outcome));
        Assert.Contains("a request of 67108865 bytes as OTLP protobuf; the limit is 67108864", outcome.Message, StringComparison.Ordinal);
        Assert.Equal(1, await CountAsync(node, 1));
        AssertAccounts("request_too_large");

        // One span, and a field that nobody knows.
        async Task<IngestOutcome> IngestPaddedAsync(int bytes, int span)
        {
            const int unknownField = (15 << 3) | 2, fieldHeaderBytes = 1 + 4;
            using var request = new NativeBuffer();
            Write(request, [(1, span)]);
            new ProtobufWriter(request).WriteBytes(unknownField, new byte[bytes - request.Length - fieldHeaderBytes]);
            Assert.Equal(bytes, request.Length);
            return await node.IngestAsync(TenantId.Single, request);
        }
    }

    [Fact]
    public async Task TenantsAreBounded()
    {
        await using var node = await StartAsync(Unlimited, maxTenants: 2);
        Assert.Equal(IngestStatus.Accepted, (await IngestAsync(node, [(1, 1)], "a")).Status);
        Assert.Equal(IngestStatus.Accepted, (await IngestAsync(node, [(1, 1)], "b")).Status);
        var third = await IngestAsync(node, [(1, 1)], "c");
        Assert.Equal((IngestStatus.RateLimited, TimeSpan.Zero, 1), (third.Status, third.RetryAfter, third.RejectedSpans));
        Assert.DoesNotContain("tenant=\"c\"", Text(), StringComparison.Ordinal);
        Assert.Equal(IngestStatus.Accepted, (await IngestAsync(node, [(1, 2)], "a")).Status);
        AssertAccounts("max_tenants");
    }

    [Fact]
    public async Task ANodeThatOnlyMakesMetricsRefusesOneTenantTooManyInTheSameWay()
    {
        await using var node = GeneratorNode.Start(new NodeOptions { MaxTenants = 1 }, _metrics, Log.Null, TimeProvider.System);
        using var request = new NativeBuffer();
        Write(request, [(1, 1), (1, 2)]);
        Assert.True(TenantId.TryParse("b", out var another, out _));
        Assert.Equal(IngestStatus.Accepted, (await node.IngestAsync(TenantId.Single, request)).Status);
        var outcome = await node.IngestAsync(another, request);
        Assert.Equal((IngestStatus.RateLimited, 0, 2), Counts(outcome));
        Assert.Contains("tenant b is new, and 1 tenants", outcome.Message, StringComparison.Ordinal);
        Assert.Contains("tempo_discarded_spans_total{reason=\"max_tenants\",tenant=\"|refused|\"} 2", Text(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenant_that_was_silent_for_an_hour_makes_way()
    {
        var time = new SteppedTime(0);
        await using var node = await StartAsync(Unlimited, maxTenants: 2, time);
        await IngestAsync(node, [(1, 1)], "a");
        await IngestAsync(node, [(1, 1)], "b");
        time.Advance(TimeSpan.FromMinutes(59));
        await IngestAsync(node, [(1, 2)], "a");
        Assert.Equal(IngestStatus.RateLimited, (await IngestAsync(node, [(1, 1)], "c")).Status);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(IngestStatus.Accepted, (await IngestAsync(node, [(1, 1)], "c")).Status);
        // One made way, and one came: there is no room again, until the next is silent.
        Assert.Equal(IngestStatus.RateLimited, (await IngestAsync(node, [(1, 1)], "d")).Status);
        Assert.Equal(IngestStatus.Accepted, (await IngestAsync(node, [(1, 3)], "a")).Status);
        time.Advance(TimeSpan.FromMinutes(60));
        Assert.Equal(IngestStatus.Accepted, (await IngestAsync(node, [(1, 2)], "d")).Status);
        Assert.Equal(IngestStatus.Accepted, (await IngestAsync(node, [(1, 4)], "b")).Status);
        Assert.Equal(IngestStatus.RateLimited, (await IngestAsync(node, [(1, 5)], "a")).Status);
    }

    /// <summary>Random requests against tight limits: every span is stored or discarded, once, and the sender knows how many.</summary>
    [Fact]
    public async Task ReceivedIsStoredPlusDiscarded()
    {
        const int seed = 11;
        var random = new Random(seed);
        await using var node = await StartAsync(Unlimited with
        {
            Ingestion = Unlimited.Ingestion with { RateLimitBytes = 20_000, BurstSizeBytes = 8000, MaxTracesPerUser = 20 },
            Global = new GlobalLimits { MaxBytesPerTrace = 100 },
        });
        long accepted = 0, rejected = 0, sent = 0;
        for (var request = 0; request < 200; request++)
        {
            // Span 0 has no valid id.
            var spans = Enumerable.Range(0, random.Next(1, 60)).Select(_ => (random.Next(1, 40), random.Next(0, 50))).ToArray();
            var outcome = await IngestAsync(node, spans);
            sent += spans.Length;
            accepted += outcome.AcceptedSpans;
            rejected += outcome.RejectedSpans;
        }

        Assert.True(sent == accepted + rejected, $"seed {seed}");
        Assert.Equal((sent, accepted), (Sum("tempo_distributor_spans_received_total"), Sum("tempo_ingested_spans_total")));
        foreach (var reason in new[] { "rate_limited", "trace_too_large", "live_traces_exceeded", "invalid_span_id" })
            AssertAccounts(reason);
    }

    private static (IngestStatus, int, int) Counts(IngestOutcome outcome) => (outcome.Status, outcome.AcceptedSpans, outcome.RejectedSpans);

    private void AssertAccounts(string reason)
    {
        Assert.Contains($"reason=\"{reason}\"", Text(), StringComparison.Ordinal);
        Assert.Equal(Sum("tempo_distributor_spans_received_total"), Sum("tempo_ingested_spans_total") + Sum("tempo_discarded_spans_total"));
    }

    private string Text()
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        _metrics.WriteTo(output);
        return System.Text.Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private long Sum(string name) => Text().Split('\n').Where(line => line.StartsWith(name + "{", StringComparison.Ordinal))
        .Sum(static line => long.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));

    private Task<TempoNode> StartAsync(TenantLimits limits, int maxTenants = 100, TimeProvider? time = null) => TempoNode.StartAsync(
        new NodeOptions
        {
            WalPath = Path.Combine(_folder, "wal"),
            BlocksPath = Path.Combine(_folder, "blocks"),
            WalSegmentBytes = 1 << 20,
            Overrides = new TenantOverrides(limits),
            MaxTenants = maxTenants,
        },
        _metrics, Log.Null, time ?? TimeProvider.System);

    private static async Task<IngestOutcome> IngestAsync(
        TempoNode node, IEnumerable<(int Trace, int Span)> spans, string tenant = "single-tenant")
    {
        using var request = new NativeBuffer();
        Write(request, spans);
        Assert.True(TenantId.TryParse(tenant, out var id, out _));
        return await node.IngestAsync(id, request);
    }

    private static void Write(NativeBuffer request, IEnumerable<(int Trace, int Span)> spans)
    {
        var writer = new ProtobufWriter(request);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        foreach (var (trace, id) in spans)
        {
            var span = writer.BeginMessage(ScopeSpansTag.Spans);
            writer.WriteBytes(SpanTag.TraceId, [.. new byte[15], (byte)trace]);
            writer.WriteBytes(SpanTag.SpanId, [.. new byte[7], (byte)id]);
            writer.WriteBytes(SpanTag.Name, "0123456789"u8);
            writer.EndMessage(span);
        }

        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
    }

    private static async Task<int> CountAsync(TempoNode node, int trace)
    {
        var answer = await node.FindTraceAsync(TenantId.Single, new TraceId(0, (ulong)trace), 0, 0, default);
        var summary = new Tempo.Engine.Otlp.OtlpRequestSummary();
        Assert.True(Tempo.Engine.Otlp.OtlpTraceReader.TryRead(answer.Trace.Span, ref summary, out _));
        return summary.SpanCount;
    }
}
