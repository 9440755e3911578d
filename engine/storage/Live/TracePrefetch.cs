using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// Asks for the memory of a trace's columns before they are read. Traces come in the order of their ids, which is no order
/// of the memory: each starts with a miss in every column, and with some twenty columns of spans and three of attributes those
/// misses were a good part of building a block. A trace's spans mostly came in one request, but lie apart in it, each with its resource: so
/// first the list that links them is asked for, and then what each of them has.
/// </summary>
internal static class TracePrefetch
{
    /// <summary>Spans before the last one of whose links are asked for: as many as a request has, as a rule.</summary>
    private const int LinkCount = 128;

    /// <summary>Of a trace with more spans only the last ones are asked for: what the first core's cache holds.</summary>
    private const int MaxSpans = 48;

    private const int LineBytes = 64;

    /// <summary>The links between a trace's spans, before its last span.</summary>
    public static void Links(LiveBatchView view, int lastSpan)
    {
        if (!Sse.IsSupported || lastSpan < 0) return;
        Range(view.Batch.PreviousSpan, Math.Max(0, lastSpan - LinkCount + 1), lastSpan);
    }

    /// <summary>The span columns of a trace; its links are at hand by now.</summary>
    public static void Spans(LiveBatchView view, int lastSpan)
    {
        if (!Sse.IsSupported) return;
        var b = view.Columns;
        var previous = view.Batch.PreviousSpan;
        for (var (span, n) = (lastSpan, 0); (uint)span < (uint)view.SpanCount && n < MaxSpans; span = previous[span], n++)
        {
            Line(b.StartUnixNano, span);
            Line(b.SpanId, span);
            Line(b.ParentSpanId, span);
            Line(b.DurationNano, span);
            Line(b.Kind, span);
            Line(b.Status, span);
            Line(b.Resource, span);
            Line(b.Scope, span);
            Line(b.Name.Codes, span);
            Line(b.StatusMessage.Codes, span);
            Line(b.TraceState.Codes, span);
            Line(b.DroppedAttributes, span);
            Line(b.DroppedEvents, span);
            Line(b.DroppedLinks, span);
            Line(b.AttributeStart, span);
            Line(b.EventStart, span);
            Line(b.LinkStart, span);
        }
    }

    /// <summary>The attributes of the same spans; their starts are at hand by now.</summary>
    public static void Attributes(LiveBatchView view, int lastSpan)
    {
        if (!Sse.IsSupported) return;
        var b = view.Columns;
        var previous = view.Batch.PreviousSpan;
        for (var (span, n) = (lastSpan, 0); (uint)span < (uint)view.SpanCount && n < MaxSpans; span = previous[span], n++)
        {
            var from = b.AttributeStart[span];
            var last = b.AttributeStart[span + 1] - 1;
            Range(b.SpanAttributes.Keys, from, last);
            Range(b.SpanAttributes.Types, from, last);
            Range(b.SpanAttributes.Bits, from, last);
        }
    }

    // Only hints: an address that is nobody's does no harm, and neither does an array that the collector moves meanwhile.
    private static unsafe void Line<T>(T[] column, int i)
        where T : unmanaged
    {
        if (i < column.Length)
            Sse.Prefetch0((byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(column)) + (long)i * sizeof(T));
    }

    private static unsafe void Range<T>(T[] column, int from, int last)
        where T : unmanaged
    {
        if (last >= column.Length || last < from) return;
        ref var start = ref MemoryMarshal.GetArrayDataReference(column);
        var p = (byte*)Unsafe.AsPointer(ref start) + (long)from * sizeof(T);
        var end = (byte*)Unsafe.AsPointer(ref start) + ((long)last + 1) * sizeof(T) - 1;
        for (p -= (nuint)p % LineBytes; p <= end; p += LineBytes) Sse.Prefetch0(p);
    }
}
