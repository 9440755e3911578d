using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Foreign.Thrift;

namespace Tempo.Engine.Otlp.Foreign.Jaeger;

/// <summary>
/// Jaeger batches → OTLP protobuf, so that all behind it sees one format. How a span is mapped stands in
/// <see cref="JaegerSpanWriter"/>. Each method appends to <c>output</c>; false leaves a part behind that the caller must not use,
/// and <c>error</c> says why.
/// </summary>
public static class JaegerReader
{
    /// <summary>A Batch in Thrift's binary protocol: the body of POST /api/traces.</summary>
    public static bool TryTranscodeBatch(ReadOnlySpan<byte> body, NativeBuffer output, out string error)
    {
        var thrift = new ThriftReader(body, isCompact: false);
        return JaegerThrift.TryReadBatch(ref thrift, output, out error);
    }

    /// <summary>A call of the agent's emitBatch, one datagram: compact or binary.</summary>
    public static bool TryTranscodeDatagram(ReadOnlySpan<byte> datagram, bool isCompact, NativeBuffer output, out string error)
    {
        var thrift = new ThriftReader(datagram, isCompact);
        return JaegerThrift.TryReadCall(ref thrift, output, out error);
    }

    /// <summary>A PostSpansRequest of jaeger.api_v2.CollectorService.</summary>
    public static bool TryTranscodeProtobuf(ReadOnlySpan<byte> message, NativeBuffer output, out string error)
    {
        error = JaegerProtobuf.Read(message, output);
        return error.Length == 0;
    }
}
