using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Values;

/// <summary>
/// The members of a KeyValueList message (<see cref="AnyValueView.Bytes"/> of kind
/// <see cref="AnyValueKind.KeyValueList"/>), in order, duplicate keys included. For bytes that
/// <see cref="OtlpTraceReader"/> has accepted; a malformed rest ends the walk.
/// </summary>
public ref struct KeyValueListReader(ReadOnlySpan<byte> message)
{
    private ProtobufReader _reader = new(message);

    /// <summary>The next member; false at the end.</summary>
    public bool TryReadNext(out ReadOnlySpan<byte> key, out AnyValueView value)
    {
        while (_reader.TryReadTag(out var tag))
        {
            if (tag == KeyValueListTag.Values)
            {
                OtlpError error = default;
                return _reader.TryReadBytes(out var member) & KeyValueReader.TryRead(member, 0, out key, out value, ref error);
            }

            if (!_reader.TrySkip(tag)) break;
        }

        key = default;
        value = default;
        return false;
    }
}
