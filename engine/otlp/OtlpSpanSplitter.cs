using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp;

/// <summary>Says which part of a divided request a span goes to.</summary>
public interface ISpanPartition
{
    /// <summary>The part's number, from 0; negative: none, the span is left out. Asked for each span in their order on the wire.</summary>
    /// <param name="span">The span's message; <see cref="OtlpSpanSplitter.TryReadTrace"/> reads its ids.</param>
    int PartOf(ReadOnlySpan<byte> span);
}

/// <summary>
/// Divides a request among several by the traces of its spans, in one walk over the lengths: spans are copied once, as they stand
/// on the wire and those that stay together at once, and each part gets the resource and the scope around them.
/// <code>
/// resource_spans R { scope_spans S { a b a } }   →   part of a:  R { S { a a } }     part of b:  R { S { b } }
/// </code>
/// A resource or a scope without a span in a part does not stand in that part.
/// </summary>
public static class OtlpSpanSplitter
{
    // TracesData → ResourceSpans → ScopeSpans.
    private const int Levels = 2;

    /// <summary>
    /// Appends each part to its buffer. The request has been accepted by <see cref="OtlpTraceReader"/>. Not thread safe for the
    /// same partition.
    /// </summary>
    public static void Split<T>(ReadOnlySpan<byte> request, ref T partition, ReadOnlySpan<NativeBuffer> parts)
        where T : struct, ISpanPartition
    {
        // Where the messages that are open in each part began; -1: not open.
        Span<int> open = parts.Length <= 32 ? stackalloc int[parts.Length * Levels] : new int[parts.Length * Levels];
        open.Fill(-1);
        var reader = new ProtobufReader(request);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != TracesDataTag.ResourceSpans)
            {
                if (!reader.TrySkip(tag)) return;
                continue;
            }

            if (!reader.TryReadBytes(out var resourceSpans)) return;
            SplitResource(resourceSpans, ref partition, parts, open);
        }
    }

    private static void SplitResource<T>(
        ReadOnlySpan<byte> resourceSpans, ref T partition, ReadOnlySpan<NativeBuffer> parts, Span<int> open)
        where T : struct, ISpanPartition
    {
        var reader = new ProtobufReader(resourceSpans);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != ResourceSpansTag.ScopeSpans)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var scopeSpans)) break;
            SplitScope(scopeSpans, resourceSpans, ref partition, parts, open);
        }

        Close(parts, open[..parts.Length]);
    }

    private static void SplitScope<T>(
        ReadOnlySpan<byte> scopeSpans, ReadOnlySpan<byte> resourceSpans, ref T partition, ReadOnlySpan<NativeBuffer> parts, Span<int> open)
        where T : struct, ISpanPartition
    {
        var resources = open[..parts.Length];
        var scopes = open[parts.Length..];
        var reader = new ProtobufReader(scopeSpans);
        var (waiting, from, to) = (-1, 0, 0);
        while (true)
        {
            var start = reader.Position;
            if (!reader.TryReadTag(out var tag)) break;
            if (tag != ScopeSpansTag.Spans)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var span)) break;
            var part = partition.PartOf(span);
            if (part != waiting || start != to)
            {
                if (waiting >= 0) parts[waiting].Append(scopeSpans[from..to]);
                (waiting, from) = (part, start);
                if (part >= 0) Open(part, scopeSpans, resourceSpans, parts, resources, scopes);
            }

            to = reader.Position;
        }

        if (waiting >= 0) parts[waiting].Append(scopeSpans[from..to]);
        Close(parts, scopes);
    }

    private static void Open(
        int part, ReadOnlySpan<byte> scopeSpans, ReadOnlySpan<byte> resourceSpans, ReadOnlySpan<NativeBuffer> parts, Span<int> resources,
        Span<int> scopes)
    {
        var writer = new ProtobufWriter(parts[part]);
        if (resources[part] < 0)
        {
            resources[part] = writer.BeginMessage(TracesDataTag.ResourceSpans);
            CopyOthers(resourceSpans, ResourceSpansTag.ScopeSpans, writer);
        }

        if (scopes[part] >= 0) return;
        scopes[part] = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        CopyOthers(scopeSpans, ScopeSpansTag.Spans, writer);
    }

    private static void Close(ReadOnlySpan<NativeBuffer> parts, Span<int> marks)
    {
        for (var part = 0; part < marks.Length; part++)
        {
            if (marks[part] >= 0) new ProtobufWriter(parts[part]).EndMessage(marks[part]);
            marks[part] = -1;
        }
    }

    private static void CopyOthers(ReadOnlySpan<byte> message, uint inner, ProtobufWriter writer)
    {
        var reader = new ProtobufReader(message);
        while (true)
        {
            var start = reader.Position;
            if (!reader.TryReadTag(out var tag) || !reader.TrySkip(tag)) return;
            if (tag != inner) writer.Buffer.Append(message[start..reader.Position]);
        }
    }

    /// <summary>
    /// The trace of a span as the sink of the judging walk sees it: the last of several ids counts. False for ids that make no sense: such
    /// a span was counted as refused there.
    /// </summary>
    public static bool TryReadTrace(ReadOnlySpan<byte> span, out TraceId trace)
    {
        ReadOnlySpan<byte> id = default, spanId = default, parent = default;
        var reader = new ProtobufReader(span);
        while (reader.TryReadTag(out var tag))
        {
            var isRead = tag switch
            {
                SpanTag.TraceId => reader.TryReadBytes(out id),
                SpanTag.SpanId => reader.TryReadBytes(out spanId),
                SpanTag.ParentSpanId => reader.TryReadBytes(out parent),
                _ => reader.TrySkip(tag),
            };
            if (!isRead) break;
        }

        var fields = new SpanFields { TraceId = id, SpanId = spanId, ParentSpanId = parent };
        trace = default;
        if (!OtlpRequestSummary.HasValidTraceId(fields) || !OtlpRequestSummary.HasValidSpanId(fields)) return false;
        trace = TraceId.Read(id);
        return true;
    }
}
