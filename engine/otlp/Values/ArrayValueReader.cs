using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Values;

/// <summary>
/// The elements of an ArrayValue message (<see cref="AnyValueView.Bytes"/> of kind <see cref="AnyValueKind.Array"/>), in
/// order. For bytes that <see cref="OtlpTraceReader"/> has accepted; a malformed rest ends the walk.
/// </summary>
public ref struct ArrayValueReader(ReadOnlySpan<byte> message)
{
    private ProtobufReader _reader = new(message);

    /// <summary>The next element; false at the end.</summary>
    public bool TryReadNext(out AnyValueView value)
    {
        while (_reader.TryReadTag(out var tag))
        {
            if (tag == ArrayValueTag.Values)
                return _reader.TryReadBytes(out var element) & AnyValueReader.TryRead(element, 0, out value, out _);
            if (!_reader.TrySkip(tag)) break;
        }

        value = default;
        return false;
    }
}
