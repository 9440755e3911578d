using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Writes a trace as OTLP TracesData (wire equal to tempopb.Trace): the canonical form of a whole trace, from which the
/// APIs make their answers. Zero values are left out. Attributes with a column of their own follow the generic ones.
/// </summary>
public static class OtlpTraceWriter
{
    /// <summary>Bytes of the length of a span as it usually is, 128 B to 16 KiB, and of the groups of a small trace.</summary>
    private const int ShortLengthBytes = 2;

    /// <summary>The same of a group of many spans, 16 KiB to 2 MiB: a group that turns out otherwise is moved by a byte.</summary>
    private const int LongLengthBytes = 3;

    /// <summary>From so many spans on groups are likely that long.</summary>
    private const int ManySpans = 1000;

    /// <summary>Writes the whole trace.</summary>
    public static void Write(OrderedTrace trace, NativeBuffer output) =>
        WritePart(trace, 0, int.MaxValue, null, SharedSpanIds.Of(trace), output);

    /// <summary>
    /// Writes spans from <paramref name="first"/> on, until <paramref name="maxBytes"/> are reached or the trace ends; the
    /// result is the span to go on with. Parts one after the other are one message; a resource and a scope that a part cut
    /// through stand in both.
    /// </summary>
    /// <param name="trace">What to write.</param>
    /// <param name="first">Index of the first span.</param>
    /// <param name="maxBytes">At least one span is written, so that a part can be larger by that.</param>
    /// <param name="kept">The spans to write; null: all.</param>
    /// <param name="ids">See <see cref="SharedSpanIds"/>; null: spans have the ids they came with.</param>
    /// <param name="output">Gets the bytes at its end.</param>
    /// <param name="summaries">Spans that stand for others; null: none does.</param>
    public static int WritePart(
        OrderedTrace trace, int first, int maxBytes, bool[]? kept, ISpanIds? ids, NativeBuffer output, ISpanSummaries? summaries = null)
    {
        var writer = new ProtobufWriter(output);
        Span<byte> traceId = stackalloc byte[TraceId.SizeBytes];
        trace.Id.Write(traceId);
        var begin = output.Length;
        int resourceSpans = -1, scopeSpans = -1;
        var i = first;
        var lengthBytes = trace.SpanCount - first < ManySpans ? ShortLengthBytes : LongLengthBytes;
        for (; i < trace.SpanCount && output.Length - begin < maxBytes; i++)
        {
            if (trace.Starts[i] != 0 && scopeSpans >= 0)
            {
                writer.EndMessage(scopeSpans, lengthBytes);
                scopeSpans = -1;
            }

            if (trace.Starts[i] == OrderedTrace.StartsResource && resourceSpans >= 0)
            {
                writer.EndMessage(resourceSpans, lengthBytes);
                resourceSpans = -1;
            }

            if (kept is not null && !kept[i]) continue;
            var batch = trace.Batch(i);
            var row = trace.Spans[i].Span;
            if (resourceSpans < 0)
            {
                resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans, lengthBytes);
                WriteResource(writer, batch, batch.Resource[row]);
            }

            if (scopeSpans < 0)
            {
                scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans, lengthBytes);
                WriteScope(writer, batch.Scopes, batch.Scope[row]);
            }

            var (id, parent) = ids is null ? (batch.SpanId[row], batch.ParentSpanId[row]) : ids.Of(trace, i);
            WriteSpan(writer, batch, row, traceId, id, parent, summaries?.Of(batch, row));
        }

        if (scopeSpans >= 0) writer.EndMessage(scopeSpans, lengthBytes);
        if (resourceSpans >= 0) writer.EndMessage(resourceSpans, lengthBytes);
        return i;
    }

    /// <summary>
    /// Writes rows of a batch as they lie, whatever traces they belong to, with the ids they came with: what another process
    /// needs to have the same rows. From <paramref name="first"/> on, until <paramref name="end"/> or until
    /// <paramref name="maxBytes"/> are reached; the result is the row to go on with. At least one row is written, if there is one.
    /// </summary>
    /// <param name="batch">Whose rows.</param>
    /// <param name="first">The first of them.</param>
    /// <param name="end">Behind the last of them.</param>
    /// <param name="maxBytes">See above.</param>
    /// <param name="output">Gets the bytes at its end.</param>
    /// <param name="wanted">Bits of the rows that are written, from <paramref name="first"/> on; null: all.</param>
    public static int WriteRows(SpanBatch batch, int first, int end, int maxBytes, NativeBuffer output, ulong[]? wanted = null)
    {
        var writer = new ProtobufWriter(output);
        Span<byte> traceId = stackalloc byte[TraceId.SizeBytes];
        var begin = output.Length;
        var start = Next(first);
        var row = start;
        while (HasRoom(row))
        {
            var resource = batch.Resource[row];
            var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
            WriteResource(writer, batch, resource);
            while (HasRoom(row) && batch.Resource[row] == resource)
            {
                var scope = batch.Scope[row];
                var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
                WriteScope(writer, batch.Scopes, scope);
                for (; HasRoom(row) && batch.Resource[row] == resource && batch.Scope[row] == scope; row = Next(row + 1))
                {
                    batch.TraceIds[batch.Trace[row]].Write(traceId);
                    WriteSpan(writer, batch, row, traceId, batch.SpanId[row], batch.ParentSpanId[row]);
                }

                writer.EndMessage(scopeSpans);
            }

            writer.EndMessage(resourceSpans);
        }

        return row;

        // What stands around the first row may be larger than the limit by itself.
        bool HasRoom(int row) => row < end && (row == start || output.Length - begin < maxBytes);

        int Next(int row)
        {
            while (wanted is not null && row < end && (wanted[(row - first) >> 6] >> (row - first) & 1) == 0) row++;
            return row;
        }
    }

    private static void WriteResource(ProtobufWriter writer, SpanBatch batch, int row)
    {
        var resources = batch.Resources;
        var message = writer.BeginMessage(ResourceSpansTag.Resource);
        if (resources.HasServiceName[row] != 0) WriteString(writer, ResourceTag.Attributes, "service.name"u8, resources.ServiceName[row]);
        WriteAttributes(
            writer, ResourceTag.Attributes, resources.Attributes, resources.AttributeStart[row], resources.AttributeStart[row + 1]);
        WriteDedicated(writer, ResourceTag.Attributes, batch, AttributeScope.Resource, row);
        WriteCount(writer, ResourceTag.DroppedAttributesCount, resources.DroppedAttributes[row]);
        writer.EndMessage(message);
    }

    private static void WriteScope(ProtobufWriter writer, ScopeColumns scopes, int row)
    {
        var message = writer.BeginMessage(ScopeSpansTag.Scope);
        WriteText(writer, InstrumentationScopeTag.Name, scopes.Name[row]);
        WriteText(writer, InstrumentationScopeTag.Version, scopes.Version[row]);
        WriteAttributes(
            writer, InstrumentationScopeTag.Attributes, scopes.Attributes, scopes.AttributeStart[row], scopes.AttributeStart[row + 1]);
        WriteCount(writer, InstrumentationScopeTag.DroppedAttributesCount, scopes.DroppedAttributes[row]);
        writer.EndMessage(message);
    }

    private static void WriteSpan(
        ProtobufWriter writer, SpanBatch batch, int row, ReadOnlySpan<byte> traceId, ulong spanId, ulong parentSpanId,
        SpanSummary? summary = null)
    {
        Span<byte> id = stackalloc byte[SpanId.SizeBytes];
        var message = writer.BeginMessage(ScopeSpansTag.Spans, ShortLengthBytes);
        WriteIds(writer.Buffer, traceId, spanId);
        WriteText(writer, SpanTag.TraceState, batch.TraceState[row]);
        if (parentSpanId != 0)
        {
            BinaryPrimitives.WriteUInt64BigEndian(id, parentSpanId);
            writer.WriteBytes(SpanTag.ParentSpanId, id);
        }

        WriteText(writer, SpanTag.Name, batch.Name[row]);
        WriteCount(writer, SpanTag.Kind, batch.Kind[row]);
        var start = batch.StartUnixNano[row];
        WriteTime(writer, SpanTag.StartTimeUnixNano, summary?.StartUnixNano ?? start);
        WriteTime(writer, SpanTag.EndTimeUnixNano, summary?.EndUnixNano ?? start + batch.DurationNano[row]);
        WriteAttributes(writer, SpanTag.Attributes, batch.SpanAttributes, batch.AttributeStart[row], batch.AttributeStart[row + 1]);
        WriteDedicated(writer, SpanTag.Attributes, batch, AttributeScope.Span, row);
        if (summary is null) WriteEventsAndLinks(writer, batch, row, start);
        else SummaryWriter.Write(writer, summary);
        WriteStatus(writer, batch, row);
        if (batch.Flags[row] != 0) writer.WriteFixed32(SpanTag.Flags, batch.Flags[row]);
        writer.EndMessage(message, ShortLengthBytes);
    }

    private static void WriteEventsAndLinks(ProtobufWriter writer, SpanBatch batch, int row, ulong start)
    {
        WriteCount(writer, SpanTag.DroppedAttributesCount, batch.DroppedAttributes[row]);
        for (var i = batch.EventStart[row]; i < batch.EventStart[row + 1]; i++) WriteEvent(writer, batch, i, start);
        WriteCount(writer, SpanTag.DroppedEventsCount, batch.DroppedEvents[row]);
        for (var i = batch.LinkStart[row]; i < batch.LinkStart[row + 1]; i++) WriteLink(writer, batch.Links, i);
        WriteCount(writer, SpanTag.DroppedLinksCount, batch.DroppedLinks[row]);
    }

    /// <summary>Appends the attributes of a span, as fields of a span: KeyValues.</summary>
    internal static void WriteSpanAttributes(SpanBatch batch, int row, NativeBuffer output)
    {
        var writer = new ProtobufWriter(output);
        WriteAttributes(writer, SpanTag.Attributes, batch.SpanAttributes, batch.AttributeStart[row], batch.AttributeStart[row + 1]);
        WriteDedicated(writer, SpanTag.Attributes, batch, AttributeScope.Span, row);
    }

    // Both at once: their lengths are known.
    private static void WriteIds(NativeBuffer output, ReadOnlySpan<byte> traceId, ulong spanId)
    {
        const int size = 2 + TraceId.SizeBytes + 2 + SpanId.SizeBytes;
        var span = output.GetSpan(size);
        (span[0], span[1]) = ((byte)SpanTag.TraceId, TraceId.SizeBytes);
        traceId.CopyTo(span[2..]);
        (span[2 + TraceId.SizeBytes], span[3 + TraceId.SizeBytes]) = ((byte)SpanTag.SpanId, SpanId.SizeBytes);
        BinaryPrimitives.WriteUInt64BigEndian(span[(4 + TraceId.SizeBytes)..], spanId);
        output.Advance(size);
    }

    private static void WriteEvent(ProtobufWriter writer, SpanBatch batch, int row, ulong spanStart)
    {
        var events = batch.Events;
        var message = writer.BeginMessage(SpanTag.Events);
        WriteTime(writer, EventTag.TimeUnixNano, spanStart + events.TimeSinceStartNano[row]);
        WriteText(writer, EventTag.Name, events.Name[row]);
        WriteAttributes(writer, EventTag.Attributes, events.Attributes, events.AttributeStart[row], events.AttributeStart[row + 1]);
        WriteDedicated(writer, EventTag.Attributes, batch, AttributeScope.Event, row);
        WriteCount(writer, EventTag.DroppedAttributesCount, events.DroppedAttributes[row]);
        writer.EndMessage(message);
    }

    private static void WriteLink(ProtobufWriter writer, LinkColumns links, int row)
    {
        Span<byte> id = stackalloc byte[TraceId.SizeBytes];
        var message = writer.BeginMessage(SpanTag.Links);
        links.TraceId[row].Write(id);
        writer.WriteBytes(LinkTag.TraceId, id);
        BinaryPrimitives.WriteUInt64BigEndian(id, links.SpanId[row]);
        writer.WriteBytes(LinkTag.SpanId, id[..SpanId.SizeBytes]);
        WriteText(writer, LinkTag.TraceState, links.TraceState[row]);
        WriteAttributes(writer, LinkTag.Attributes, links.Attributes, links.AttributeStart[row], links.AttributeStart[row + 1]);
        WriteCount(writer, LinkTag.DroppedAttributesCount, links.DroppedAttributes[row]);
        if (links.Flags[row] != 0) writer.WriteFixed32(LinkTag.Flags, links.Flags[row]);
        writer.EndMessage(message);
    }

    private static void WriteStatus(ProtobufWriter writer, SpanBatch batch, int row)
    {
        if (batch.Status[row] == 0 && batch.StatusMessage[row].IsEmpty) return;
        var message = writer.BeginMessage(SpanTag.Status);
        WriteText(writer, StatusTag.Message, batch.StatusMessage[row]);
        WriteCount(writer, StatusTag.Code, (uint)batch.Status[row] & SpanBatch.StatusCodeMask);
        writer.EndMessage(message);
    }

    private static void WriteAttributes(ProtobufWriter writer, uint tag, AttributeColumns attributes, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            switch (attributes.Types[i])
            {
                case AttributeType.String:
                    ScalarAttributeWriter.WriteString(writer.Buffer, tag, new TextEntry(attributes.KeyTable, attributes.Keys[i]),
                        new TextEntry(attributes.Values, (int)attributes.Bits[i]));
                    continue;
                case AttributeType.Int or AttributeType.Bool or AttributeType.Double:
                    ScalarAttributeWriter.WriteNumber(writer.Buffer, tag, new TextEntry(attributes.KeyTable, attributes.Keys[i]),
                        attributes.Types[i], attributes.Bits[i]);
                    continue;
            }

            var keyValue = writer.BeginMessage(tag);
            writer.WriteBytes(KeyValueTag.Key, attributes.Key(i));
            if (attributes.Types[i] == AttributeType.AnyValue)
            {
                writer.WriteBytes(KeyValueTag.Value, attributes.String(i));
            }
            else
            {
                var value = writer.BeginMessage(KeyValueTag.Value);
                WriteValue(writer, attributes, i);
                writer.EndMessage(value);
            }

            writer.EndMessage(keyValue);
        }
    }

    // Of what is no scalar.
    private static void WriteValue(ProtobufWriter writer, AttributeColumns attributes, int i)
    {
        switch (attributes.Types[i])
        {
            case AttributeType.StringArray or AttributeType.IntArray or AttributeType.DoubleArray or AttributeType.BoolArray
                or AttributeType.EmptyArray:
                WriteArray(writer, attributes, i);
                break;
            case AttributeType.AnyValueJson:
                // Text that is not an AnyValue (a damaged or foreign block) reads as an empty value.
                var start = writer.Buffer.Length;
                if (!AnyValueJson.TryRead(attributes.String(i), writer.Buffer, out _)) writer.Buffer.Truncate(start);
                break;
        }
    }

    private static void WriteArray(ProtobufWriter writer, AttributeColumns attributes, int i)
    {
        var element = attributes.Types[i] switch
        {
            AttributeType.IntArray => AttributeType.Int,
            AttributeType.DoubleArray => AttributeType.Double,
            AttributeType.BoolArray => AttributeType.Bool,
            _ => AttributeType.String,
        };
        var array = writer.BeginMessage(AnyValueTag.ArrayValue);
        if (attributes.Types[i] != AttributeType.EmptyArray)
            foreach (var item in attributes.ArrayItems(i))
                WriteItem(writer, attributes.Values, element, item);
        writer.EndMessage(array);
    }

    private static void WriteItem(ProtobufWriter writer, StringTable values, AttributeType type, long bits)
    {
        var value = writer.BeginMessage(ArrayValueTag.Values);
        if (type == AttributeType.String) writer.WriteBytes(AnyValueTag.StringValue, values[(int)bits]);
        else WriteNumber(writer, type, bits);
        writer.EndMessage(value);
    }

    private static void WriteNumber(ProtobufWriter writer, AttributeType type, long bits)
    {
        if (type == AttributeType.Int) writer.WriteVarint(AnyValueTag.IntValue, (ulong)bits);
        else if (type == AttributeType.Double) writer.WriteFixed64(AnyValueTag.DoubleValue, (ulong)bits);
        else writer.WriteVarint(AnyValueTag.BoolValue, (ulong)bits);
    }

    private static void WriteDedicated(ProtobufWriter writer, uint tag, SpanBatch batch, AttributeScope scope, int row)
    {
        foreach (var column in batch.Dedicated)
        {
            if (column.Scope != scope) continue;
            var from = column.Start[row];
            var count = column.Start[row + 1] - from;
            if (count == 0) continue;
            if (count > 1) WriteDedicatedArray(writer, tag, column, from, count);
            else if (column.Type == AttributeType.String)
                ScalarAttributeWriter.WriteString(
                    writer.Buffer, tag, new TextEntry(column.Key), new TextEntry(column.Values, (int)column.Bits[from]));
            else ScalarAttributeWriter.WriteNumber(writer.Buffer, tag, new TextEntry(column.Key), column.Type, column.Bits[from]);
        }
    }

    private static void WriteDedicatedArray(ProtobufWriter writer, uint tag, DedicatedColumn column, int from, int count)
    {
        var keyValue = writer.BeginMessage(tag);
        writer.WriteBytes(KeyValueTag.Key, column.Key);
        var value = writer.BeginMessage(KeyValueTag.Value);
        var array = writer.BeginMessage(AnyValueTag.ArrayValue);
        for (var i = from; i < from + count; i++) WriteItem(writer, column.Values, column.Type, column.Bits[i]);
        writer.EndMessage(array);
        writer.EndMessage(value);
        writer.EndMessage(keyValue);
    }

    private static void WriteString(ProtobufWriter writer, uint tag, ReadOnlySpan<byte> key, ReadOnlySpan<byte> text)
    {
        var keyValue = writer.BeginMessage(tag);
        writer.WriteBytes(KeyValueTag.Key, key);
        var value = writer.BeginMessage(KeyValueTag.Value);
        writer.WriteBytes(AnyValueTag.StringValue, text);
        writer.EndMessage(value);
        writer.EndMessage(keyValue);
    }

    private static void WriteText(ProtobufWriter writer, uint tag, ReadOnlySpan<byte> text)
    {
        if (!text.IsEmpty) writer.WriteBytes(tag, text);
    }

    private static void WriteCount(ProtobufWriter writer, uint tag, uint value)
    {
        if (value != 0) writer.WriteVarint(tag, value);
    }

    private static void WriteTime(ProtobufWriter writer, uint tag, ulong value)
    {
        if (value != 0) writer.WriteFixed64(tag, value);
    }
}
