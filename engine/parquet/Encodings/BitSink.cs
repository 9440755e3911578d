using System.Runtime.CompilerServices;

namespace Tempo.Engine.Parquet;

/// <summary>Writes bits one behind the other: bit i % 64 of word i / 64. The words are zero before.</summary>
internal ref struct BitSink(Span<ulong> words)
{
    private readonly Span<ulong> _words = words;
    private int _position;

    /// <summary>Adds the lowest <paramref name="count"/> bits (1 to 64); those above are 0.</summary>
    public void Append(ulong bits, int count)
    {
        var (word, shift) = (_position >> 6, _position & 63);
        _words[word] |= bits << shift;
        if (shift + count > 64) _words[word + 1] |= bits >> (64 - shift);
        _position += count;
    }

    /// <summary>Adds the same bit 1 to 63 times.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AppendShort(bool bit, int count)
    {
        var (word, shift) = (_position >> 6, _position & 63);
        var bits = bit ? (1UL << count) - 1 : 0;
        _words[word] |= bits << shift;
        if (shift + count > 64) _words[word + 1] |= bits >> (64 - shift);
        _position += count;
    }

    /// <summary>Adds the same bit many times.</summary>
    public void Append(bool bit, int count)
    {
        var (word, end) = (_position >> 6, (_position & 63) + count);
        var first = ulong.MaxValue << _position;
        _position += count;
        if (!bit || count == 0) return;
        if (end <= 64)
        {
            _words[word] |= first & ulong.MaxValue >> (64 - end);
            return;
        }

        _words[word] |= first;
        _words.Slice(word + 1, (end >> 6) - 1).Fill(ulong.MaxValue);
        if ((end & 63) > 0) _words[word + (end >> 6)] |= (1UL << end) - 1;
    }
}
