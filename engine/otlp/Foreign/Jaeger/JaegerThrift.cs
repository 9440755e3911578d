using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Foreign.Thrift;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Foreign.Jaeger;

/// <summary>
/// https://github.com/jaegertracing/jaeger-idl/blob/main/thrift/jaeger.thrift and agent.thrift:
/// <code>
/// Batch   { 1: Process process  2: list&lt;Span&gt; spans }          Process { 1: string serviceName  2: list&lt;Tag&gt; tags }
/// Span    { 1: i64 traceIdLow  2: i64 traceIdHigh  3: i64 spanId  4: i64 parentSpanId  5: string operationName
///           6: list&lt;SpanRef&gt; references  7: i32 flags  8: i64 startTime  9: i64 duration  10: list&lt;Tag&gt; tags  11:
///                                              list&lt;Log&gt; logs }
/// SpanRef { 1: i32 refType  2: i64 traceIdLow  3: i64 traceIdHigh  4: i64 spanId }
/// Log     { 1: i64 timestamp  2: list&lt;Tag&gt; fields }
/// Tag     { 1: string key  2: i32 vType  3: string vStr  4: double vDouble  5: bool vBool  6: i64 vLong  7: binary vBinary }
/// emitBatch(1: Batch batch)
/// </code>
/// The process may stand behind the spans, so it is looked for first.
/// </summary>
internal static class JaegerThrift
{
    // Levels that are open around what is skipped: call, batch, list, span, list, log, list, tag.
    private const int BatchDepth = 2, SpanDepth = 4, LogDepth = 6, TagDepth = 8;

    public static bool TryReadCall(ref ThriftReader reader, NativeBuffer output, out string error)
    {
        error = "";
        if (!reader.TryReadMessageHead(out var name)) return Failed(reader, out error);
        if (!name.SequenceEqual("emitBatch"u8))
        {
            error = "a call of emitBatch is expected";
            return false;
        }

        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            if (id == 1 && type == ThriftType.Struct) return TryReadBatch(ref reader, output, out error);
            if (!reader.TrySkip(type, 1)) break;
        }

        if (reader.HasFailed) return Failed(reader, out error);
        error = "emitBatch has no batch";
        return false;
    }

    public static bool TryReadBatch(ref ThriftReader reader, NativeBuffer output, out string error)
    {
        using var resource = new NativeBuffer();
        var ahead = reader;
        if (!ReadProcessOfBatch(ref ahead, resource)) return Failed(ahead, out error);
        using var batch = new OtlpBatchWriter(output, reader.Position + reader.Left);
        using var writer = new JaegerSpanWriter(batch);
        var isRead = ReadSpansOfBatch(ref reader, writer, resource.Written);
        batch.Complete();
        error = reader.Error;
        return isRead;
    }

    private static bool Failed(in ThriftReader reader, out string error)
    {
        error = reader.Error;
        return false;
    }

    private static bool ReadProcessOfBatch(ref ThriftReader reader, NativeBuffer resource)
    {
        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            // Senders write the process first; nothing behind it is of interest here.
            if (id == 1 && type == ThriftType.Struct) return ReadProcess(ref reader, resource);
            if (!reader.TrySkip(type, BatchDepth)) return false;
        }

        return !reader.HasFailed;
    }

    private static bool ReadProcess(ref ThriftReader reader, NativeBuffer resource)
    {
        using var writer = new OtlpBatchWriter(resource);
        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            switch (id, type)
            {
                case (1, ThriftType.Binary):
                    if (!reader.TryReadBinary(out var service)) return false;
                    if (!service.IsEmpty) writer.Attribute(ResourceTag.Attributes, "service.name"u8, service);
                    break;
                case (2, ThriftType.List):
                    if (!reader.TryReadList(out var element, out var count)) return false;
                    for (var i = 0; i < count; i++)
                    {
                        if (!ReadTag(ref reader, element, out var tag)) return false;
                        JaegerSpanWriter.Attribute(writer, ResourceTag.Attributes, tag);
                    }

                    break;
                default:
                    if (!reader.TrySkip(type, SpanDepth)) return false;
                    break;
            }
        }

        return !reader.HasFailed;
    }

    private static bool ReadSpansOfBatch(ref ThriftReader reader, JaegerSpanWriter writer, ReadOnlySpan<byte> resource)
    {
        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            if (id != 2 || type != ThriftType.List)
            {
                if (!reader.TrySkip(type, BatchDepth)) return false;
                continue;
            }

            if (!reader.TryReadList(out var element, out var count)) return false;
            for (var i = 0; i < count; i++)
            {
                if (element != ThriftType.Struct)
                {
                    if (!reader.TrySkip(element, BatchDepth + 1)) return false;
                    continue;
                }

                writer.Begin();
                if (!ReadSpan(ref reader, writer, resource)) return false;
            }
        }

        return !reader.HasFailed;
    }

    private static bool ReadSpan(ref ThriftReader reader, JaegerSpanWriter writer, ReadOnlySpan<byte> resource)
    {
        long low = 0, high = 0, span = 0, parent = 0, start = 0, duration = 0;
        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            var read = (id, type) switch
            {
                (1, ThriftType.I64) => reader.TryReadInteger(type, out low),
                (2, ThriftType.I64) => reader.TryReadInteger(type, out high),
                (3, ThriftType.I64) => reader.TryReadInteger(type, out span),
                (4, ThriftType.I64) => reader.TryReadInteger(type, out parent),
                (5, ThriftType.Binary) => ReadName(ref reader, writer),
                (6, ThriftType.List) => ReadReferences(ref reader, writer),
                (8, ThriftType.I64) => reader.TryReadInteger(type, out start),
                (9, ThriftType.I64) => reader.TryReadInteger(type, out duration),
                (10, ThriftType.List) => ReadTags(ref reader, writer, isEvent: false),
                (11, ThriftType.List) => ReadLogs(ref reader, writer),
                _ => reader.TrySkip(type, SpanDepth),
            };
            if (!read) return false;
        }

        if (reader.HasFailed) return false;
        writer.Ids(new TraceId((ulong)high, (ulong)low), (ulong)span, (ulong)parent);
        var full = writer.End(JaegerSpanWriter.Nanos(start), JaegerSpanWriter.Nanos(duration), resource);
        return full.Length == 0 || reader.Fail(full);
    }

    private static bool ReadName(ref ThriftReader reader, JaegerSpanWriter writer)
    {
        if (!reader.TryReadBinary(out var name)) return false;
        writer.Name(name);
        return true;
    }

    private static bool ReadReferences(ref ThriftReader reader, JaegerSpanWriter writer)
    {
        if (!reader.TryReadList(out var element, out var count)) return false;
        for (var i = 0; i < count; i++)
        {
            if (element != ThriftType.Struct)
            {
                if (!reader.TrySkip(element, SpanDepth + 1)) return false;
                continue;
            }

            long kind = 0, low = 0, high = 0, span = 0;
            short id = 0;
            while (reader.TryReadField(ref id, out var type))
            {
                var read = (id, type) switch
                {
                    (1, ThriftType.I32) => reader.TryReadInteger(type, out kind),
                    (2, ThriftType.I64) => reader.TryReadInteger(type, out low),
                    (3, ThriftType.I64) => reader.TryReadInteger(type, out high),
                    (4, ThriftType.I64) => reader.TryReadInteger(type, out span),
                    _ => reader.TrySkip(type, LogDepth),
                };
                if (!read) return false;
            }

            if (reader.HasFailed) return false;
            writer.Reference((int)kind, new TraceId((ulong)high, (ulong)low), (ulong)span);
        }

        return true;
    }

    private static bool ReadLogs(ref ThriftReader reader, JaegerSpanWriter writer)
    {
        if (!reader.TryReadList(out var element, out var count)) return false;
        for (var i = 0; i < count; i++)
        {
            if (element != ThriftType.Struct)
            {
                if (!reader.TrySkip(element, SpanDepth + 1)) return false;
                continue;
            }

            var mark = writer.BeginEvent();
            long time = 0;
            short id = 0;
            while (reader.TryReadField(ref id, out var type))
            {
                var read = (id, type) switch
                {
                    (1, ThriftType.I64) => reader.TryReadInteger(type, out time),
                    (2, ThriftType.List) => ReadTags(ref reader, writer, isEvent: true),
                    _ => reader.TrySkip(type, LogDepth),
                };
                if (!read) return false;
            }

            if (reader.HasFailed) return false;
            writer.EndEvent(mark, JaegerSpanWriter.Nanos(time));
        }

        return true;
    }

    private static bool ReadTags(ref ThriftReader reader, JaegerSpanWriter writer, bool isEvent)
    {
        if (!reader.TryReadList(out var element, out var count)) return false;
        for (var i = 0; i < count; i++)
        {
            if (!ReadTag(ref reader, element, out var tag)) return false;
            if (isEvent) writer.EventField(tag);
            else writer.Tag(tag);
        }

        return true;
    }

    private static bool ReadTag(ref ThriftReader reader, ThriftType element, out JaegerTag tag)
    {
        tag = default;
        if (element != ThriftType.Struct) return reader.TrySkip(element, TagDepth);
        ReadOnlySpan<byte> text = default, bytes = default;
        long kind = 0;
        short id = 0;
        while (reader.TryReadField(ref id, out var type))
        {
            var read = (id, type) switch
            {
                (1, ThriftType.Binary) => reader.TryReadBinary(out tag.Key),
                (2, ThriftType.I32) => reader.TryReadInteger(type, out kind),
                (3, ThriftType.Binary) => reader.TryReadBinary(out text),
                (4, ThriftType.Double) => reader.TryReadDouble(out tag.Real),
                (5, ThriftType.Bool) => reader.TryReadBool(out tag.Flag),
                (6, ThriftType.I64) => reader.TryReadInteger(type, out tag.Whole),
                (7, ThriftType.Binary) => reader.TryReadBinary(out bytes),
                _ => reader.TrySkip(type, TagDepth),
            };
            if (!read) return false;
        }

        tag.Type = kind is >= 0 and <= 4 ? (JaegerType)kind : JaegerType.Text;
        tag.Bytes = tag.Type == JaegerType.Binary ? bytes : text;
        return !reader.HasFailed;
    }
}
