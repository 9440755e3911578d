using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Otlp.Wire;
using Tempo.Host.Grpc;
using Tempo.Host.Http;

namespace Tempo.Host.Receivers;

/// <summary>
/// The answer to a stored export request:
/// <code>
/// ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
/// ExportTracePartialSuccess  { int64 rejected_spans = 1; string error_message = 2; }
/// </code>
/// Full success leaves partial_success unset, as OTLP demands; spans that were refused are counted exactly, and a
/// message without refused spans is a warning.
/// </summary>
internal static class ExportResponse
{
    /// <summary>Longest message, far below the 4 MiB that clients take.</summary>
    private const int MaxMessageLength = 2048;

    /// <summary>The protobuf message: no bytes at all, and no garbage, for full success.</summary>
    public static byte[] ToProtobuf(in IngestOutcome outcome)
    {
        if (outcome.RejectedSpans == 0 && string.IsNullOrEmpty(outcome.Message)) return [];
        using var output = new NativeBuffer();
        var writer = new ProtobufWriter(output);
        var partial = writer.BeginMessage(1 << WireType.NumberShift | WireType.LengthDelimited);
        if (outcome.RejectedSpans > 0) writer.WriteVarint(1 << WireType.NumberShift | WireType.Varint, (ulong)outcome.RejectedSpans);
        if (!string.IsNullOrEmpty(outcome.Message))
            writer.WriteText(2 << WireType.NumberShift | WireType.LengthDelimited, Cut(outcome.Message));
        writer.EndMessage(partial);
        return output.Written.ToArray();
    }

    /// <summary>Appends the same in OTLP/JSON: <c>{}</c> for full success.</summary>
    public static void WriteJson(in IngestOutcome outcome, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        if (outcome.RejectedSpans > 0 || !string.IsNullOrEmpty(outcome.Message))
        {
            json.WriteName("partialSuccess"u8);
            json.BeginObject();
            if (outcome.RejectedSpans > 0)
            {
                json.WriteName("rejectedSpans"u8);
                json.WriteInt64(outcome.RejectedSpans);
            }

            if (!string.IsNullOrEmpty(outcome.Message))
            {
                json.WriteName("errorMessage"u8);
                json.WriteText(Cut(outcome.Message));
            }

            json.EndObject();
        }

        json.EndObject();
    }

    private static string Cut(string message) => message.Length <= MaxMessageLength ? message : message[..MaxMessageLength];
}
