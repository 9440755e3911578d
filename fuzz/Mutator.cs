namespace Tempo.Fuzz;

/// <summary>
/// Makes new inputs of old ones. The same random numbers give the same inputs.
/// </summary>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> dictionary, int maxSizeBytes)
{
    /// <summary>
    /// Integers at which parsers go wrong: signs, powers of two and their neighbours, as varints.
    /// </summary>
    private static readonly byte[][] _lengthLies =
    [
        [0x00], [0x01], [0x7F], [0x80, 0x01], [0xFF, 0x01], [0xFF, 0xFF, 0x03], [0xFF, 0xFF, 0xFF, 0xFF, 0x07],
        [0x80, 0x80, 0x80, 0x80, 0x08],
        [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    ];

    private const int MaxStackedMutations = 6;

    private byte[] _input = new byte[maxSizeBytes];
    private byte[] _scratch = new byte[maxSizeBytes];
    private int _length;

    /// <summary>
    /// One to a few mutations of <paramref name="parent"/>; <paramref name="other"/> is what it is spliced with. Valid until
    /// the next call.
    /// </summary>
    public ReadOnlySpan<byte> Mutate(ReadOnlySpan<byte> parent, ReadOnlySpan<byte> other)
    {
        _length = Math.Min(parent.Length, _input.Length);
        parent[.._length].CopyTo(_input);
        for (var left = random.Next(1, MaxStackedMutations + 1); left > 0; left--) MutateOnce(other);
        return _input.AsSpan(0, _length);
    }

    private void MutateOnce(ReadOnlySpan<byte> other)
    {
        switch (random.Next(9))
        {
            case 0 when _length > 0:
                _input[random.Next(_length)] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when _length > 0:
                _input[random.Next(_length)] = (byte)random.Next(256);
                break;
            case 2 when _length > 0:
                _input[random.Next(_length)] += (byte)random.Next(-3, 4);
                break;
            case 3:
                _length = random.Next(_length + 1);
                break;
            case 4:
                Remove();
                break;
            case 5:
                Repeat();
                break;
            case 6:
                Splice(other);
                break;
            case 7 when dictionary.Count > 0:
                Replace(dictionary[random.Next(dictionary.Count)], random.Next(2));
                break;
            default:
                Replace(_lengthLies[random.Next(_lengthLies.Length)], random.Next(3));
                break;
        }
    }

    private void Remove()
    {
        var start = random.Next(_length + 1);
        Exchange(start, random.Next(Math.Min(_length - start, 64) + 1), default);
    }

    private void Repeat()
    {
        var start = random.Next(_length + 1);
        var piece = _input.AsSpan(start, random.Next(Math.Min(_length - start, 64) + 1)).ToArray();
        for (var times = random.Next(1, 40); times > 0; times--) Exchange(start, 0, piece);
    }

    private void Splice(ReadOnlySpan<byte> other)
    {
        var start = random.Next(other.Length + 1);
        var piece = other.Slice(start, random.Next(other.Length - start + 1));
        Exchange(random.Next(_length + 1), random.Next(2) * _length, piece);
    }

    private void Replace(ReadOnlySpan<byte> token, int removedSizeBytes) => Exchange(random.Next(_length + 1), removedSizeBytes, token);

    /// <summary>Puts <paramref name="piece"/> in the place of some bytes, as much of it as there is room for.</summary>
    private void Exchange(int start, int removedSizeBytes, ReadOnlySpan<byte> piece)
    {
        var tail = _input.AsSpan(start, _length - start);
        tail = tail[Math.Min(removedSizeBytes, tail.Length)..];
        piece = piece[..Math.Min(piece.Length, maxSizeBytes - start - tail.Length)];
        _input.AsSpan(0, start).CopyTo(_scratch);
        piece.CopyTo(_scratch.AsSpan(start));
        tail.CopyTo(_scratch.AsSpan(start + piece.Length));
        _length = start + piece.Length + tail.Length;
        (_input, _scratch) = (_scratch, _input);
    }
}
