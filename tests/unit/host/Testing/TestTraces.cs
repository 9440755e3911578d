using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Traces;
using Tempo.Engine.Storage.Live;
using Tempo.Host.Foreign;
using Tempo.Query.Tests.Testing;

namespace Tempo.Host.Tests.Testing;

/// <summary>One trace out of real live data.</summary>
internal static class TestTraces
{
    public const ulong StartNano = 1_795_221_253_000_000_000;
    public static readonly TraceId Id = new(10, 11);

    /// <summary>A span that starts as many nanoseconds after the others as its id says.</summary>
    public static TestSpan Span(int id, int parent = 0, string service = "svc") => new()
    {
        TraceId = Id,
        Id = (ulong)id,
        ParentId = (ulong)parent,
        Name = "n",
        StartUnixNano = StartNano + (ulong)id,
        Resource = new TestResource([("service.name", service)]),
    };

    public static Task<FoundTrace> FindAsync(IReadOnlyList<TestSpan> spans)
    {
        var segment = new LiveSegment(shardCount: 1, maxAttributeBytes: 2048);
        foreach (var request in spans.Chunk(1000)) segment.Append(TenantId.Single, OtlpRequest.Of(request));
        var views = new List<LiveBatchView>();
        segment.CollectBatches(TenantId.Single, views);
        return TraceFinder.FindAsync(new TraceSources(views, []), Id, 0, 0, default);
    }

    public static List<SpanRecord> Read(byte[] tracesData) => SpanRecordReader.Read(tracesData);

    /// <summary>The contents of the top-level fields of a message, all of them length-delimited.</summary>
    public static List<byte[]> Fields(byte[] message)
    {
        var fields = new List<byte[]>();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out _) && reader.TryReadBytes(out var content)) fields.Add(content.ToArray());
        return fields;
    }
}
