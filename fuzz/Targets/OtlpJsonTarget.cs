using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// OTLP/JSON → protobuf. Holds: what is accepted is a sound protobuf request, of no more than a small multiple of the
/// JSON's size; what is refused is refused with a place; the same JSON gives the same bytes.
/// </summary>
internal sealed class OtlpJsonTarget : IFuzzTarget, IDisposable
{
    private readonly NativeBuffer _first = new();
    private readonly NativeBuffer _second = new();

    public string Name => "otlp-json";

    public IReadOnlyList<byte[]> Dictionary => JsonDictionary.Tokens;

    public void Run(ReadOnlySpan<byte> input)
    {
        _first.Clear();
        _second.Clear();
        var isRead = OtlpJsonReader.TryTranscode(input, _first, out var error);
        Oracle.Holds(isRead == (error.Kind == OtlpErrorKind.None), "an error is given if, and only if, the request is refused");
        Oracle.Holds(error.Offset >= 0 && error.Offset <= input.Length, "the error lies within the request");
        Oracle.Holds(OtlpJsonReader.TryTranscode(input, _second, out _) == isRead, "the same request is read twice alike");
        if (!isRead) return;

        Oracle.Holds(_first.Written.SequenceEqual(_second.Written), "the same JSON gives the same bytes");
        Oracle.Holds(_first.Length <= input.Length, "protobuf is no longer than the JSON it came from");
        var summary = new OtlpRequestSummary();
        Oracle.Holds(OtlpTraceReader.TryRead(_first.Written, ref summary, out var readError), $"the bytes are sound: {readError}");
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }
}
