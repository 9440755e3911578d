using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Values;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// What vParquet3 keeps as protobuf within columns: the values of event attributes, and whole links. They are put back into
/// spans of an OTLP request and go the way that every request goes, so that there is one decoder of values. Slower than
/// columns, for blocks that Tempo has not written since 2.5.
/// </summary>
internal static class VParquet3Values
{
    private const string Event = "rs.ss.Spans.Events.";
    private const string Links = "rs.ss.Spans.Links";

    /// <summary>LinkSlice: field 1 is a link, repeated.</summary>
    private const uint LinkSliceTag = (1 << WireType.NumberShift) | WireType.LengthDelimited;

    /// <summary>False for other versions. Columns that are not wanted are left empty.</summary>
    public static bool TryReadEventsAndLinks(RowGroupColumns columns, SpanBatch batch, BatchColumns wanted)
    {
        if (!columns.Has(Links)) return false;
        (batch.EventStart, batch.LinkStart) = (new int[batch.SpanCount + 1], new int[batch.SpanCount + 1]);
        (batch.Events.AttributeStart, batch.Links.AttributeStart) = ([0], [0]);
        if (!wanted.HasFlag(BatchColumns.Events) && !wanted.HasFlag(BatchColumns.Links)) return true;

        var starts = columns.Longs("rs.ss.Spans.StartTimeUnixNano", batch.SpanCount).ToArray();
        var events = wanted.HasFlag(BatchColumns.Events) ? EventLeaves.Read(columns, batch.SpanCount) : null;
        var links = wanted.HasFlag(BatchColumns.Links) ? TextLeaf.Read(columns, Links, batch.SpanCount) : default;
        var decoded = Decode(starts, events, links);
        if (events is not null) (batch.Events, batch.EventStart) = (decoded.Events, decoded.EventStart);
        if (!links.IsEmpty) (batch.Links, batch.LinkStart) = (decoded.Links, decoded.LinkStart);
        return true;
    }

    /// <summary>Values in ValueDropped were counted as dropped, and are here again.</summary>
    public static void UncountDropped(RowGroupColumns columns, string prefix, AttributeColumns attributes, int[] starts, Span<uint> dropped)
    {
        if (!columns.Has(prefix + "Attrs.ValueDropped")) return;
        for (var owner = 0; owner < dropped.Length; owner++)
            for (var i = starts[owner]; i < starts[owner + 1]; i++)
                if (attributes.Types[i] == AttributeType.AnyValueJson && dropped[owner] > 0)
                    dropped[owner]--;
    }

    private static SpanBatch Decode(long[] starts, EventLeaves? events, TextLeaf links)
    {
        using var request = new NativeBuffer();
        var writer = new ProtobufWriter(request);
        Span<byte> id = stackalloc byte[TraceId.SizeBytes];
        id.Fill(1);
        var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
        var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
        for (var i = 0; i < starts.Length; i++)
        {
            var span = writer.BeginMessage(ScopeSpansTag.Spans);
            writer.WriteBytes(SpanTag.TraceId, id);
            writer.WriteBytes(SpanTag.SpanId, id[..SpanId.SizeBytes]);
            writer.WriteFixed64(SpanTag.StartTimeUnixNano, (ulong)starts[i]);
            events?.Write(writer, i);
            if (!links.IsEmpty) WriteLinks(writer, links[i]);
            writer.EndMessage(span);
        }

        writer.EndMessage(scopeSpans);
        writer.EndMessage(resourceSpans);
        var summary = default(OtlpRequestSummary);
        if (!OtlpTraceReader.TryRead(request.Written, ref summary, out var error))
            throw new ParquetFormatException($"column '{Links}' or '{Event}Attrs.Value': {error.Message}");
        var decoded = new LiveBatch();
        decoded.Append(request.Written, maxAttributeBytes: int.MaxValue);
        return decoded.Columns;
    }

    private static void WriteLinks(ProtobufWriter writer, ReadOnlySpan<byte> slice)
    {
        var reader = new ProtobufReader(slice);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != LinkSliceTag)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var link)) break;
            writer.WriteBytes(SpanTag.Links, link);
        }

        if (reader.HasFailed) throw new ParquetFormatException($"column '{Links}': {reader.Error.Message}");
    }

    /// <summary>A leaf of byte strings, one for each owner.</summary>
    private readonly struct TextLeaf(int[] codes, StringTable table)
    {
        public bool IsEmpty => codes is null;

        public ReadOnlySpan<byte> this[int row] => table[codes[row]];

        public static TextLeaf Read(RowGroupColumns columns, string path, int count)
        {
            var column = new StringColumn();
            columns.Text(path, column, count);
            return new TextLeaf(column.Codes, column.Table);
        }
    }

    /// <summary>The leaves of events and their attributes.</summary>
    private sealed class EventLeaves
    {
        public required int[] Starts { get; init; }
        public required long[] Times { get; init; }
        public required TextLeaf Names { get; init; }
        public required uint[] Dropped { get; init; }
        public required int[] AttributeStarts { get; init; }
        public required TextLeaf Keys { get; init; }
        public required TextLeaf Values { get; init; }

        public static EventLeaves Read(RowGroupColumns columns, int spanCount)
        {
            columns.Load(Event + "TimeUnixNano");
            int[] starts = [], attributeStarts = [];
            uint[] dropped = [];
            columns.Starts(Event + "TimeUnixNano", spanCount, ref starts);
            var count = starts[spanCount];
            var times = columns.Data.Int64s.AsSpan(0, count).ToArray();
            columns.Load(Event + "Attrs.Key");
            columns.Starts(Event + "Attrs.Key", count, ref attributeStarts);
            columns.Counts(Event + "DroppedAttributesCount", count, ref dropped);
            return new EventLeaves
            {
                Starts = starts,
                Times = times,
                Names = TextLeaf.Read(columns, Event + "Name", count),
                Dropped = dropped,
                AttributeStarts = attributeStarts,
                Keys = TextLeaf.Read(columns, Event + "Attrs.Key", attributeStarts[count]),
                Values = TextLeaf.Read(columns, Event + "Attrs.Value", attributeStarts[count]),
            };
        }

        public void Write(ProtobufWriter writer, int span)
        {
            for (var i = Starts[span]; i < Starts[span + 1]; i++)
            {
                var message = writer.BeginMessage(SpanTag.Events);
                writer.WriteFixed64(EventTag.TimeUnixNano, (ulong)Times[i]);
                writer.WriteBytes(EventTag.Name, Names[i]);
                for (var a = AttributeStarts[i]; a < AttributeStarts[i + 1]; a++)
                {
                    var attribute = writer.BeginMessage(EventTag.Attributes);
                    writer.WriteBytes(KeyValueTag.Key, Keys[a]);
                    var value = writer.BeginMessage(KeyValueTag.Value);
                    WriteValue(writer, Values[a]);
                    writer.EndMessage(value);
                    writer.EndMessage(attribute);
                }

                writer.WriteVarint(EventTag.DroppedAttributesCount, Dropped[i]);
                writer.EndMessage(message);
            }
        }

        // Protobuf if it can be, as Tempo reads it; older files have proto-JSON. What is neither is an empty value.
        private static void WriteValue(ProtobufWriter writer, ReadOnlySpan<byte> value)
        {
            if (AnyValueReader.TryRead(value, 0, out _, out _))
            {
                writer.Buffer.Append(value);
                return;
            }

            var start = writer.Buffer.Length;
            if (!AnyValueJson.TryRead(value, writer.Buffer, out _)) writer.Buffer.Truncate(start);
        }
    }
}
