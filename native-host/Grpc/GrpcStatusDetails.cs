using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Grpc;

/// <summary>
/// google.rpc.Status as bytes, for the trailer <c>grpc-status-details-bin</c> and for the error bodies of OTLP/HTTP:
/// <code>
/// Status     { int32 code = 1; string message = 2; repeated Any details = 3; }
/// Any        { string type_url = 1; bytes value = 2; }
/// RetryInfo  { Duration retry_delay = 1; }          Duration { int64 seconds = 1; int32 nanos = 2; }
/// BadRequest { repeated FieldViolation field_violations = 1; }
/// FieldViolation { string field = 1; string description = 2; }
/// </code>
/// https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto and error_details.proto.
/// </summary>
public static class GrpcStatusDetails
{
    private const uint Varint1 = 1 << WireType.NumberShift | WireType.Varint;
    private const uint Varint2 = 2 << WireType.NumberShift | WireType.Varint;
    private const uint Bytes1 = 1 << WireType.NumberShift | WireType.LengthDelimited;
    private const uint Bytes2 = 2 << WireType.NumberShift | WireType.LengthDelimited;
    private const uint Bytes3 = 3 << WireType.NumberShift | WireType.LengthDelimited;

    /// <summary>True if the status carries more than its code and message.</summary>
    public static bool HasDetails(in GrpcStatus status) => status.RetryDelay > TimeSpan.Zero || status.InvalidField is not null;

    /// <summary>Appends the message.</summary>
    public static void Write(in GrpcStatus status, NativeBuffer output)
    {
        var writer = new ProtobufWriter(output);
        if (status.Code != GrpcStatusCode.Ok) writer.WriteInt32(Varint1, (int)status.Code);
        if (status.Message.Length > 0) writer.WriteText(Bytes2, status.Message);
        if (status.RetryDelay > TimeSpan.Zero) WriteRetryInfo(writer, status.RetryDelay);
        if (status.InvalidField is { } field) WriteBadRequest(writer, field, status.Message);
    }

    private static void WriteRetryInfo(ProtobufWriter writer, TimeSpan delay)
    {
        var any = writer.BeginMessage(Bytes3);
        writer.WriteBytes(Bytes1, "type.googleapis.com/google.rpc.RetryInfo"u8);
        var info = writer.BeginMessage(Bytes2);
        var duration = writer.BeginMessage(Bytes1);
        var seconds = delay.Ticks / TimeSpan.TicksPerSecond;
        var nanos = (int)(delay.Ticks % TimeSpan.TicksPerSecond) * (int)TimeSpan.NanosecondsPerTick;
        if (seconds != 0) writer.WriteVarint(Varint1, (ulong)seconds);
        if (nanos != 0) writer.WriteInt32(Varint2, nanos);
        writer.EndMessage(duration);
        writer.EndMessage(info);
        writer.EndMessage(any);
    }

    private static void WriteBadRequest(ProtobufWriter writer, string field, string description)
    {
        var any = writer.BeginMessage(Bytes3);
        writer.WriteBytes(Bytes1, "type.googleapis.com/google.rpc.BadRequest"u8);
        var badRequest = writer.BeginMessage(Bytes2);
        var violation = writer.BeginMessage(Bytes1);
        writer.WriteText(Bytes1, field);
        writer.WriteText(Bytes2, description);
        writer.EndMessage(violation);
        writer.EndMessage(badRequest);
        writer.EndMessage(any);
    }
}
