namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Where a part of an object is read to: memory of the caller's in one piece, or new memory in chunks of
/// <see cref="CachedObjectReader.ChunkBytes"/>, each an array of its own, so that who keeps one keeps no other alive. Filled by one reader.
/// </summary>
public sealed class ReadTarget
{
    private readonly Memory<byte>[] _pieces;

    private ReadTarget(Memory<byte>[] pieces, int length) => (_pieces, Length) = (pieces, length);

    /// <summary>Bytes of all pieces.</summary>
    public int Length { get; }

    /// <summary>Memory in one piece.</summary>
    public static ReadTarget Of(Memory<byte> memory) => new([memory], memory.Length);

    /// <summary>
    /// New memory for so many bytes, the last chunk shorter than the others. It is not zeroed: what was not read is not handed on.
    /// </summary>
    public static ReadTarget Chunks(int count)
    {
        var chunks = new Memory<byte>[(count + CachedObjectReader.ChunkBytes - 1) / CachedObjectReader.ChunkBytes];
        for (var i = 0; i < chunks.Length; i++)
            chunks[i] =
                GC.AllocateUninitializedArray<byte>(Math.Min(CachedObjectReader.ChunkBytes, count - i * CachedObjectReader.ChunkBytes));
        return new ReadTarget(chunks, count);
    }

    /// <summary>The pieces that the first <paramref name="count"/> bytes lie in, the last one as far as they do.</summary>
    public IEnumerable<Memory<byte>> First(int count)
    {
        foreach (var piece in _pieces)
        {
            if (count == 0) yield break;
            var part = piece[..Math.Min(piece.Length, count)];
            yield return part;
            count -= part.Length;
        }
    }

    /// <summary>The same, to be read: after so many bytes were read.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Filled(int count) => [.. First(count).Select(static piece => (ReadOnlyMemory<byte>)piece)];

    /// <summary>Copies bytes to the beginning; there are no more of them than <see cref="Length"/>.</summary>
    public void Fill(ReadOnlySpan<byte> bytes)
    {
        foreach (var piece in First(bytes.Length))
        {
            bytes[..piece.Length].CopyTo(piece.Span);
            bytes = bytes[piece.Length..];
        }
    }
}
