using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Micro;

/// <summary>
/// The way of a span from the receiver's buffer to the bytes of a block, stage by stage, in process and on one thread: CPU
/// time and allocated bytes a span, after everything has grown to its size. Without transport and disk.
/// </summary>
internal sealed class IngestStages
{
    private const int MaxAttributeBytes = 2048;
    private const long StartUnixNanos = 1_760_000_000_000_000_000;

    private static readonly string[] Names = ["validate", "checksum", "live columns", "order traces", "block columns", "sidecar"];

    private readonly byte[][] _requests;
    private readonly LiveBatchPool _pool = new(64);
    private readonly ChecksumStream _file;
    private readonly BlockWriterOptions _layout;
    private BlockWriter? _writer;
    private readonly long[] _nanos = new long[Names.Length];
    private readonly long[] _bytes = new long[Names.Length];
    private uint _requestChecksum;
    private uint _sidecarChecksum;

    private IngestStages(int spans, int spansPerRequest, DedicatedColumns dedicated, ChecksumStream file)
    {
        (_file, _layout) = (file, new BlockWriterOptions { DedicatedColumns = dedicated });
        var templates = TemplateBuilder.BuildMany(1, spansPerRequest, 64);
        var stamper = new RequestStamper(1);
        var requests = new List<byte[]>();
        for (var i = 0; SpanCount < spans; i++)
        {
            var template = templates[i % templates.Length];
            var request = new byte[template.Bytes.Length];
            stamper.Stamp(template, StartUnixNanos + (i * 10_000_000L), request);
            requests.Add(request);
            SpanCount += template.SpanCount;
        }

        _requests = [.. requests];
    }

    /// <summary>Spans of a round.</summary>
    public long SpanCount { get; }

    /// <summary>Of data.parquet.</summary>
    public long BlockBytes { get; private set; }

    public long SidecarBytes { get; private set; }

    public static int Run(OptionReader options)
    {
        var spans = options.Int("--spans", 75_000, 1, 10_000_000);
        var perRequest = options.Int("--spans-per-request", 300, 1, 100_000);
        var rounds = options.Int("--rounds", 9, 1, 10_000);
        var dedicated = options.Flag("--dedicated");
        options.ExpectEnd();
        using var file = new ChecksumStream();
        var stages = new IngestStages(spans, perRequest, dedicated ? Promoted() : DedicatedColumns.None, file);
        for (var i = 0; i < 2; i++) stages.Round();
        var best = new double[Names.Length];
        var allocated = new long[Names.Length];
        Array.Fill(best, double.MaxValue);
        for (var round = 0; round < rounds; round++)
        {
            stages.Round();
            for (var i = 0; i < best.Length; i++) best[i] = Math.Min(best[i], (double)stages._nanos[i] / stages.SpanCount);
            for (var i = 0; i < best.Length; i++) allocated[i] = stages._bytes[i];
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Machine.CpuModel()}, {stages.SpanCount} spans a round, {(double)stages._requests.Sum(static r => r.Length) / stages.SpanCount:F0} bytes a span"));
        Console.WriteLine("| stage | ns a span, least | bytes allocated a span |");
        Console.WriteLine("|---|---|---|");
        for (var i = 0; i < best.Length; i++)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {Names[i]} | {best[i]:F1} | {(double)allocated[i] / stages.SpanCount:F2} |"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| sum | {best.Sum():F1} | {(double)allocated.Sum() / stages.SpanCount:F2} |"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nblock {(double)stages.BlockBytes / stages.SpanCount:F3} bytes a span, sidecar {(double)stages.SidecarBytes / stages.SpanCount:F3}; checksums {stages._requestChecksum:x8} {file.Checksum:x8} {stages._sidecarChecksum:x8}"));
        return 0;
    }

    // What a node promotes by itself after the first cut of this traffic (/status/dedicated_columns).
    private static DedicatedColumns Promoted()
    {
        (string Name, AttributeType Type)[] names =
        [
            ("server.address", AttributeType.String), ("server.port", AttributeType.Int), ("network.peer.port", AttributeType.Int), ("network.peer.address", AttributeType.String),
            ("network.transport", AttributeType.String), ("network.type", AttributeType.String), ("rpc.grpc.status_code", AttributeType.Int), ("rpc.method", AttributeType.String),
            ("rpc.request.size", AttributeType.Int), ("rpc.response.size", AttributeType.Int), ("rpc.service", AttributeType.String), ("rpc.system", AttributeType.String),
            ("peer.service", AttributeType.String), ("http.request.method", AttributeType.String), ("network.protocol.version", AttributeType.String),
        ];
        var specs = names.Select(static name => new DedicatedColumnSpec(AttributeScope.Span, name.Name, name.Type, default));
        return DedicatedColumns.TryCreate(specs, out var columns, out var error) ? columns : throw new InvalidOperationException(error);
    }

    private void Round()
    {
        var live = new LiveSegment(shardCount: 1, MaxAttributeBytes, _pool);
        Measure(0, Validate);
        Measure(1, Checksum);
        Measure(2, () => Append(live));
        var views = new List<LiveBatchView>();
        live.CollectBatches(TenantId.Single, views);
        Measure(3, () => LiveTraces.ForEach(views, static _ => { }));
        BlockContent content = null!;
        Measure(4, () => content = WriteBlock(views));
        _nanos[4] -= _nanos[3];
        _bytes[4] -= _bytes[3];
        byte[] sidecar = [];
        Measure(5, () => sidecar = content.ToSidecar(BlockId.Derive(1, 1)));
        (SidecarBytes, _sidecarChecksum) = (sidecar.Length, Crc32C.Compute(sidecar));
        live.Recycle();
    }

    private void Measure(int stage, Action work)
    {
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var nanos = ThreadClock.Nanoseconds;
        work();
        _nanos[stage] = ThreadClock.Nanoseconds - nanos;
        _bytes[stage] = GC.GetAllocatedBytesForCurrentThread() - bytes;
    }

    private void Validate()
    {
        foreach (var request in _requests)
        {
            var summary = default(OtlpRequestSummary);
            if (!OtlpTraceReader.TryRead(request, ref summary, out var error)) throw new InvalidOperationException(error.Message);
        }
    }

    private void Checksum()
    {
        foreach (var request in _requests) _requestChecksum ^= Crc32C.Compute(request);
    }

    private void Append(LiveSegment live)
    {
        foreach (var request in _requests) live.Append(TenantId.Single, request);
    }

    private BlockContent WriteBlock(List<LiveBatchView> views)
    {
        _file.Clear();
        if (_writer is null) _writer = new BlockWriter(_file, _layout);
        else _writer.Restart(_file);
        LiveTraces.ForEach(views, _writer.Add);
        var content = _writer.Finish();
        BlockBytes = content.SizeBytes;
        return content;
    }
}
