using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Work;

/// <summary>A trace of any number of spans of the load tool's traffic.</summary>
internal static class OneTrace
{
    private const int SpansPerRequest = 500;
    private const int MaxAttributeBytes = 2048;
    private static readonly (ulong, ulong) Bytes = (0x1122334455667788, 0x99AABBCCDDEEFF00);

    /// <summary>Live, always the same.</summary>
    public static (List<LiveBatchView> Live, TraceId Id) Build(int spans)
    {
        var stamper = new RequestStamper(1) { OnlyTrace = Bytes };
        var segment = new LiveSegment(shardCount: 1, MaxAttributeBytes);
        var id = default(TraceId);
        for (var sent = 0; sent < spans;)
        {
            var template = new TemplateBuilder((ulong)sent + 1, Math.Min(SpansPerRequest, spans - sent)).Build();
            var request = new byte[template.Bytes.Length];
            stamper.Stamp(template, 1_760_000_000_000_000_000, request);
            segment.Append(TenantId.Single, request);
            id = TraceId.Read(stamper.LastTraceIds(template)[..TraceId.SizeBytes]);
            sent += template.SpanCount;
        }

        var views = new List<LiveBatchView>();
        segment.CollectBatches(TenantId.Single, views);
        return (views, id);
    }
}
