using System.Buffers;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Ring.Tests;

/// <summary>
/// What an owner makes of several requests that came together: one record of its log, an answer for each, and the same after a crash.
/// </summary>
public sealed class RequestGroupTests : IDisposable
{
    private const int Requests = 5;
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-group-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, Requests)]
    public async Task Each_request_has_its_answer_and_all_are_found_now_and_after_a_restart(bool isUnlimited, int records)
    {
        var registry = new MetricRegistry();
        var limits = TenantLimits.BuiltIn;
        if (isUnlimited)
            limits = limits with
            {
                Ingestion = limits.Ingestion with { MaxTracesPerUser = 0 },
                Global = limits.Global with { MaxBytesPerTrace = 0 }
            };
        var options = new NodeOptions
        {
            WalPath = Path.Combine(_folder, "wal"),
            BlocksPath = Path.Combine(_folder, "blocks"),
            Overrides = new TenantOverrides(limits)
        };
        await using (var node = await TempoNode.StartAsync(options, registry, Log.Null, TimeProvider.System))
        {
            using var bytes = new NativeBuffer();
            var group = new RequestGroup(TenantId.Single, isCounted: true, bytes);
            for (var i = 1; i <= Requests; i++)
            {
                BareSpans.Write(bytes, Enumerable.Repeat(new TraceId(7, (ulong)i), i)); // trace i has i spans
                group.End();
            }

            await node.IngestReplicasAsync(group);
            Assert.Equal(Enumerable.Range(1, Requests).Select(static spans => (IngestStatus.Accepted, spans, 0)),
                group.Outcomes.Select(static outcome => (outcome.Status, outcome.AcceptedSpans, outcome.RejectedSpans)));
            Assert.Equal(records, Counted(registry, "tempo_wal_appends_total "));
            await HasAllAsync(node);
        }

        await using var restarted = await TempoNode.StartAsync(options, new MetricRegistry(), Log.Null, TimeProvider.System);
        await HasAllAsync(restarted);
    }

    [Fact]
    public async Task A_trace_over_its_limit_is_refused_in_the_request_that_has_it()
    {
        var limits = TenantLimits.BuiltIn with { Ingestion = TenantLimits.BuiltIn.Ingestion with { MaxTracesPerUser = 2 } };
        var options = new NodeOptions
        {
            WalPath = Path.Combine(_folder, "wal"),
            BlocksPath = Path.Combine(_folder, "blocks"),
            Overrides = new TenantOverrides(limits)
        };
        await using var node = await TempoNode.StartAsync(options, new MetricRegistry(), Log.Null, TimeProvider.System);
        using var bytes = new NativeBuffer();
        var group = new RequestGroup(TenantId.Single, isCounted: true, bytes);
        for (var i = 1; i <= 4; i++)
        {
            BareSpans.Write(bytes, Enumerable.Repeat(new TraceId(7, (ulong)i), i)); // trace i has i spans
            group.End();
        }

        await node.IngestReplicasAsync(group);
        Assert.Equal(
            [(1, 0), (2, 0), (0, 3), (0, 4)], group.Outcomes.Select(static outcome => (outcome.AcceptedSpans, outcome.RejectedSpans)));
    }

    private static async Task HasAllAsync(TempoNode node)
    {
        for (var i = 1; i <= Requests; i++)
        {
            using var reading = await node.ReadTraceAsync(TenantId.Single, new TraceId(7, (ulong)i), 0, 0, CancellationToken.None);
            using var output = new NativeBuffer();
            reading.Trace.WritePart(output, int.MaxValue);
            var summary = default(OtlpRequestSummary);
            Assert.True(OtlpTraceReader.TryRead(output.Written, ref summary, out _));
            Assert.Equal(i, summary.SpanCount);
        }
    }

    private static int Counted(MetricRegistry registry, string name)
    {
        var output = new ArrayBufferWriter<byte>();
        registry.WriteTo(output);
        var line = Encoding.UTF8.GetString(output.WrittenSpan).Split('\n').Single(line => line.StartsWith(name, StringComparison.Ordinal));
        return int.Parse(line[name.Length..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
