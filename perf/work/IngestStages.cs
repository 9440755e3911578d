using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Work;

/// <summary>
/// The way of a span from the receiver's buffer to the bytes of a block, stage by stage, in process and on one thread: CPU
/// time and allocated bytes a span, after everything has grown to its size. Without transport and disk.
/// </summary>
internal sealed class IngestStages : IDisposable
{
    private const int MaxAttributeBytes = 2048;
    private const long StartUnixNanos = 1_760_000_000_000_000_000;

    public static readonly string[] Names = ["validate", "checksum", "live columns", "order traces", "block columns", "sidecar"];

    private readonly byte[][] _requests;
    private readonly LiveBatchPool _pool = new(64);
    private readonly ChecksumStream _file;
    private readonly BlockWriter _writer;
    private readonly long[] _nanos = new long[Names.Length];
    private readonly long[] _bytes = new long[Names.Length];
    private uint _requestChecksum;
    private uint _sidecarChecksum;

    /// <param name="spans">Spans of a round, at least.</param>
    /// <param name="spansPerRequest">About.</param>
    /// <param name="promoted">With columns of their own for what a node promotes.</param>
    /// <param name="file">Where the block goes; the caller's.</param>
    public IngestStages(int spans, int spansPerRequest, bool promoted, ChecksumStream file)
    {
        _file = file;
        _writer = new BlockWriter(_file, new BlockWriterOptions { DedicatedColumns = promoted ? Promoted() : DedicatedColumns.None });
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

    public double RequestBytesPerSpan => (double)_requests.Sum(static request => request.Length) / SpanCount;

    /// <summary>Of the requests, the block and the sidecar: equal ones before and after a change are equal bytes.</summary>
    public string Checksums =>
        string.Create(CultureInfo.InvariantCulture, $"{_requestChecksum:x8} {_file.Checksum:x8} {_sidecarChecksum:x8}");

    public double NanosPerSpan(int stage) => (double)_nanos[stage] / SpanCount;

    public double AllocatedBytesPerSpan(int stage) => (double)_bytes[stage] / SpanCount;

    // What a node promotes by itself after the first cut of this traffic (/status/dedicated_columns).
    private static DedicatedColumns Promoted()
    {
        (string Name, AttributeType Type)[] names =
        [
            ("server.address", AttributeType.String), ("server.port", AttributeType.Int), ("network.peer.port", AttributeType.Int),
            ("network.peer.address", AttributeType.String),
            ("network.transport", AttributeType.String), ("network.type", AttributeType.String),
            ("rpc.grpc.status_code", AttributeType.Int), ("rpc.method", AttributeType.String),
            ("rpc.request.size", AttributeType.Int), ("rpc.response.size", AttributeType.Int), ("rpc.service", AttributeType.String),
            ("rpc.system", AttributeType.String),
            ("peer.service", AttributeType.String), ("http.request.method", AttributeType.String),
            ("network.protocol.version", AttributeType.String),
        ];
        var specs = names.Select(static name => new DedicatedColumnSpec(AttributeScope.Span, name.Name, name.Type, default));
        return DedicatedColumns.TryCreate(specs, out var columns, out var error) ? columns : throw new InvalidOperationException(error);
    }

    /// <summary>Heap that the live columns of a round keep, in bytes a span.</summary>
    public double KeptByLiveColumns { get; private set; }

    /// <summary>Heap that the block writer keeps from block to block, in MiB.</summary>
    public double KeptByWriter { get; private set; }

    /// <summary>Looks at what is kept. Before the first round, which has the same memory then.</summary>
    public void MeasureKept()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var live = new LiveSegment(shardCount: 1, MaxAttributeBytes, _pool);
        Append(live);
        var withLive = GC.GetTotalMemory(forceFullCollection: true);
        KeptByLiveColumns = (double)(withLive - before) / SpanCount;
        WriteBlock(Views(live)).Dispose();
        _writer.Restart(_file);
        KeptByWriter = (GC.GetTotalMemory(forceFullCollection: true) - withLive) / 1048576.0;
        live.Recycle();
    }

    /// <summary>One round; the figures are those of the last. The first two let everything grow to its size.</summary>
    public void Round()
    {
        Round(Measure);
        _nanos[4] -= _nanos[3];
        _bytes[4] -= _bytes[3];
    }

    /// <summary>
    /// A round whose stages somebody else measures: <paramref name="measure"/> is given the number of each and what it does, once.
    /// "Block columns" has the order of the traces in it.
    /// </summary>
    public void Round(Action<int, Action> measure)
    {
        var live = new LiveSegment(shardCount: 1, MaxAttributeBytes, _pool);
        measure(0, Validate);
        measure(1, Checksum);
        measure(2, () => Append(live));
        var views = Views(live);
        measure(3, () => LiveTraces.ForEach(views, static _ => { }));
        BlockContent content = null!;
        measure(4, () => content = WriteBlock(views));
        byte[] sidecar = [];
        measure(5, () => sidecar = content.ToSidecar(BlockId.Derive(1, 1)));
        (SidecarBytes, _sidecarChecksum) = (sidecar.Length, Crc32C.Compute(sidecar));
        content.Dispose();
        live.Recycle();
    }

    /// <summary>The block of a round, data.parquet.</summary>
    public byte[] ToBlock()
    {
        using var file = new MemoryStream();
        var live = new LiveSegment(shardCount: 1, MaxAttributeBytes, _pool);
        Append(live);
        _writer.Restart(file);
        LiveTraces.ForEach(Views(live), _writer.Add);
        _writer.Finish().Dispose();
        live.Recycle();
        return file.ToArray();
    }

    public void Dispose() => _writer.Dispose();

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

    private static List<LiveBatchView> Views(LiveSegment live)
    {
        var views = new List<LiveBatchView>();
        live.CollectBatches(TenantId.Single, views);
        return views;
    }

    private BlockContent WriteBlock(List<LiveBatchView> views)
    {
        _file.Clear();
        _writer.Restart(_file);
        LiveTraces.ForEach(views, _writer.Add);
        var content = _writer.Finish();
        BlockBytes = content.SizeBytes;
        return content;
    }
}
