using System.Buffers;
using System.Text;
using Tempo.Engine.Node;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Http;

/// <summary>
/// The two answers for a trace. Version 1 is the trace itself; version 2 wraps it:
/// <code>
/// TraceByIDResponse { Trace trace = 1; TraceByIDMetrics metrics = 2; PartialStatus status = 3; string message = 4; }
/// TraceByIDMetrics  { uint64 inspectedBytes = 1; }           PartialStatus { COMPLETE = 0; PARTIAL = 1; }
/// </code>
/// Trace and metrics are always present, if only with length 0: Grafana dereferences them.
/// </summary>
internal static class TraceByIdBody
{
    private const byte TraceTag = 1 << (int)WireType.NumberShift | (int)WireType.LengthDelimited;
    private const byte MetricsTag = 2 << (int)WireType.NumberShift | (int)WireType.LengthDelimited;
    private const byte StatusTag = 3 << (int)WireType.NumberShift | (int)WireType.Varint;
    private const byte MessageTag = 4 << (int)WireType.NumberShift | (int)WireType.LengthDelimited;
    private const byte InspectedBytesTag = 1 << (int)WireType.NumberShift | (int)WireType.Varint;
    private const byte Partial = 1;

    public static void WriteProtobufV1(TraceAnswer found, IBufferWriter<byte> output) => output.Write(found.Trace.Span);

    public static void WriteProtobufV2(TraceAnswer found, IBufferWriter<byte> output)
    {
        WriteBytes(output, TraceTag, found.Trace.Span);
        Span<byte> metrics = stackalloc byte[1 + Varint.MaxSizeBytes];
        var metricsSize = 0;
        if (found.InspectedBytes > 0)
        {
            metrics[0] = InspectedBytesTag;
            metricsSize = 1 + Varint.Encode(metrics[1..], found.InspectedBytes);
        }

        WriteBytes(output, MetricsTag, metrics[..metricsSize]);
        if (found.Partial) output.Write([StatusTag, Partial]);
        if (found.Message.Length > 0) WriteBytes(output, MessageTag, Encoding.UTF8.GetBytes(found.Message));
    }

    public static void WriteJsonV1(TraceAnswer found, IBufferWriter<byte> output)
    {
        if (!OtlpJsonWriter.TryWrite(found.Trace.Span, OtlpJsonWriter.BatchesKey, output, out var error)) throw Unreadable(error);
    }

    public static void WriteJsonV2(TraceAnswer found, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("trace"u8);
        if (!OtlpJsonWriter.TryWrite(found.Trace.Span, OtlpJsonWriter.ResourceSpansKey, ref json, out var error)) throw Unreadable(error);
        json.WriteName("metrics"u8);
        json.BeginObject();
        if (found.InspectedBytes > 0)
        {
            json.WriteName("inspectedBytes"u8);
            json.WriteUInt64(found.InspectedBytes);
        }

        json.EndObject();
        if (found.Partial)
        {
            json.WriteName("status"u8);
            json.WriteString("PARTIAL"u8);
        }

        if (found.Message.Length > 0)
        {
            json.WriteName("message"u8);
            json.WriteText(found.Message);
        }

        json.EndObject();
    }

    // The node made these bytes, so this is a defect of ours and ends as 500.
    private static InvalidDataException Unreadable(in OtlpError error) => new($"the trace cannot be read back: {error.Message}");

    private static void WriteBytes(IBufferWriter<byte> output, byte tag, ReadOnlySpan<byte> content)
    {
        var span = output.GetSpan(1 + Varint.MaxSizeBytes);
        span[0] = tag;
        output.Advance(1 + Varint.Encode(span[1..], (ulong)content.Length));
        output.Write(content);
    }
}
