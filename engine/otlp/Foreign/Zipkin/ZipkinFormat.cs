namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>What a Zipkin client may send (https://zipkin.io/zipkin-api/).</summary>
public enum ZipkinFormat
{
    /// <summary>A JSON array of spans, ids in 1 to 32 hex digits.</summary>
    V2Json,

    /// <summary>The message ListOfSpans of zipkin.proto.</summary>
    V2Protobuf,

    /// <summary>A JSON array of spans with annotations and binary annotations, trace ids in 16 or 32 hex digits.</summary>
    V1Json,

    /// <summary>A Thrift list of zipkinCore.Span in the binary protocol.</summary>
    V1Thrift,
}
