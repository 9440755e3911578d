using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// The text of a value, as blocks keep it. Holds: text that is read gives a value that can be written, and from there on
/// text and value stand for each other.
/// </summary>
internal sealed class AnyValueJsonTarget : IFuzzTarget, IDisposable
{
    private readonly NativeBuffer _value = new();
    private readonly ArrayBufferWriter<byte> _text = new();

    public string Name => "anyvalue-json";

    public IReadOnlyList<byte[]> Dictionary => JsonDictionary.Tokens;

    public void Run(ReadOnlySpan<byte> input)
    {
        _value.Clear();
        _text.ResetWrittenCount();
        if (!AnyValueJson.TryRead(input, _value, out _)) return;
        Oracle.Holds(AnyValueJson.TryWrite(_value.Written, _text, out var error), $"a value that was read can be written: {error}");
        JsonOracle.HoldsFixed(_text.WrittenSpan);
    }

    public void Dispose() => _value.Dispose();
}
