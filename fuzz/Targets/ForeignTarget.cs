using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Foreign.Jaeger;
using Tempo.Engine.Otlp.Foreign.Zipkin;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A format of Zipkin or Jaeger → OTLP. Holds: what is accepted is a sound OTLP request, of no more than a small multiple of the
/// body's size; what is refused is refused with a text; the same body gives the same bytes.
/// </summary>
internal sealed class ForeignTarget(
    string name, ForeignTarget.Transcoder transcode, IReadOnlyList<byte[]> dictionary) : IFuzzTarget, IDisposable
{
    private const ulong Now = 1_800_000_000_000_000_000;
    private readonly NativeBuffer _first = new();
    private readonly NativeBuffer _second = new();

    internal delegate bool Transcoder(ReadOnlySpan<byte> body, NativeBuffer output, out string error);

    private static readonly byte[][] ThriftTokens =
        [[12], [15, 0], [11, 0, 1], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0x19, 0xfc], [0x1c], [0x82, 0x81],
            "emitBatch"u8.ToArray(), [0x80, 1, 0, 4]];

    public static IEnumerable<ForeignTarget> All =>
    [
        Zipkin("zipkin-json", ZipkinFormat.V2Json, JsonDictionary.Tokens),
        Zipkin("zipkin-v1-json", ZipkinFormat.V1Json, JsonDictionary.Tokens),
        Zipkin("zipkin-protobuf", ZipkinFormat.V2Protobuf, ProtobufDictionary.Tokens),
        Zipkin("zipkin-thrift", ZipkinFormat.V1Thrift, ThriftTokens),
        new("jaeger-thrift", JaegerReader.TryTranscodeBatch, ThriftTokens),
        new("jaeger-compact", (ReadOnlySpan<byte> body, NativeBuffer output, out string error) =>
            JaegerReader.TryTranscodeDatagram(body, isCompact: true, output, out error), ThriftTokens),
        new("jaeger-protobuf", JaegerReader.TryTranscodeProtobuf, ProtobufDictionary.Tokens),
    ];

    public string Name => name;

    public IReadOnlyList<byte[]> Dictionary => dictionary;

    public void Run(ReadOnlySpan<byte> input)
    {
        _first.Clear();
        _second.Clear();
        var isRead = transcode(input, _first, out var error);
        Oracle.Holds(isRead == (error.Length == 0), "an error is given if, and only if, the body is refused");
        Oracle.Holds(transcode(input, _second, out _) == isRead, "the same body is read twice alike");
        Oracle.Holds(_first.Length <= 9L * input.Length + (2 << 20), "OTLP is not much longer than the body it came from");
        if (!isRead) return;

        Oracle.Holds(_first.Written.SequenceEqual(_second.Written), "the same body gives the same bytes");
        var summary = new OtlpRequestSummary();
        Oracle.Holds(OtlpTraceReader.TryRead(_first.Written, ref summary, out var readError), $"the bytes are sound: {readError}");
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    private static ForeignTarget Zipkin(string name, ZipkinFormat format, IReadOnlyList<byte[]> dictionary) => new(
        name, (ReadOnlySpan<byte> body, NativeBuffer output, out string error) =>
            ZipkinReader.TryTranscode(format, body, Now, output, out error), dictionary);
}
