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

    /// <summary>Adds the same bit many times.</summary>
    public void Append(bool bit, int count)
    {
        if (!bit)
        {
            _position += count;
            return;
        }

        for (; count > 0 && (_position & 63) != 0; count--, _position++) _words[_position >> 6] |= 1UL << _position;
        _words.Slice(_position >> 6, count >> 6).Fill(ulong.MaxValue);
        _position += count & ~63;
        if ((count & 63) == 0) return;
        _words[_position >> 6] |= (1UL << count) - 1;
        _position += count & 63;
    }
}
