using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// Asks for the memory of a trace's columns before they are read. Traces come in the order of their ids, which is no order
/// of the memory: each starts with a miss in every column, and with some twenty columns of spans and three of attributes those
/// misses were a good part of building a block. A trace's spans mostly came in one request and so lie together, its last one last.
/// </summary>
internal static class TracePrefetch
{
    /// <summary>Spans before the last one that are asked for: as many as traces have in the mean.</summary>
    private const int SpanCount = 12;

    private const int LineBytes = 64;

    /// <summary>The span columns around a trace's last span.</summary>
    public static void Spans(LiveBatchView view, int lastSpan)
    {
        if (!Sse.IsSupported || lastSpan < 0) return;
        var b = view.Columns;
        var from = Math.Max(0, lastSpan - SpanCount + 1);
        Range(b.StartUnixNano, from, lastSpan);
        Range(b.SpanId, from, lastSpan);
        Range(b.ParentSpanId, from, lastSpan);
        Range(b.DurationNano, from, lastSpan);
        Range(b.Kind, from, lastSpan);
        Range(b.Status, from, lastSpan);
        Range(b.Resource, from, lastSpan);
        Range(b.Scope, from, lastSpan);
        Range(b.Name.Codes, from, lastSpan);
        Range(b.StatusMessage.Codes, from, lastSpan);
        Range(b.TraceState.Codes, from, lastSpan);
        Range(b.DroppedAttributes, from, lastSpan);
        Range(b.DroppedEvents, from, lastSpan);
        Range(b.DroppedLinks, from, lastSpan);
        Range(b.AttributeStart, from, lastSpan + 1);
        Range(b.EventStart, from, lastSpan + 1);
        Range(b.LinkStart, from, lastSpan + 1);
        Range(view.Batch.PreviousSpan, from, lastSpan);
    }

    /// <summary>The attributes of the same spans; their starts are at hand by now.</summary>
    public static void Attributes(LiveBatchView view, int lastSpan)
    {
        if (!Sse.IsSupported || lastSpan < 0) return;
        var b = view.Columns;
        var from = b.AttributeStart[Math.Max(0, lastSpan - SpanCount + 1)];
        var last = b.AttributeStart[lastSpan + 1] - 1;
        Range(b.SpanAttributes.Keys, from, last);
        Range(b.SpanAttributes.Types, from, last);
        Range(b.SpanAttributes.Bits, from, last);
    }

    // Only a hint: an address that is nobody's does no harm, and neither does an array that the collector moves meanwhile.
    private static unsafe void Range<T>(T[] column, int from, int last)
        where T : unmanaged
    {
        if (last >= column.Length || last < from) return;
        ref var start = ref MemoryMarshal.GetArrayDataReference(column);
        var p = (byte*)Unsafe.AsPointer(ref start) + (long)from * sizeof(T);
        var end = (byte*)Unsafe.AsPointer(ref start) + (long)last * sizeof(T);
        for (; p <= end; p += LineBytes) Sse.Prefetch0(p);
    }
}
