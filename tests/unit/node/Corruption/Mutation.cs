using Tempo.Testing;

namespace Tempo.Node.Tests.Corruption;

/// <summary>One way in which a file comes to other bytes than were written: the same for the same chance.</summary>
internal sealed class Mutation(Random random, IReadOnlyList<byte[]> others)
{
    private const int SectorBytes = 512, PageBytes = 4096;

    /// <summary>What was done.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The damaged content; it may be what it was, if chance puts the same bytes there.</summary>
    public byte[] Apply(byte[] content)
    {
        if (content.Length == 0) return Rubbish(64);
        var bytes = (byte[])content.Clone();
        switch (random.Next(9))
        {
            case 0:
            case 1:
                var bit = random.Next(bytes.Length * 8);
                Name = $"bit {bit} flipped";
                bytes[bit / 8] ^= (byte)(1 << (bit % 8));
                return bytes;
            case 2:
                var at = random.Next(bytes.Length);
                Name = $"byte {at} changed";
                bytes[at] ^= (byte)random.Next(1, 256);
                return bytes;
            case 3:
                var end = random.Next(bytes.Length);
                Name = $"cut to {end}";
                return bytes[..end];
            case 4: return Fill(bytes, random.Next(2) == 0 ? SectorBytes : PageBytes, static (piece, _) => piece.Clear(), "zeroed");
            case 5: return Fill(bytes, random.Next(1, 300), static (piece, random) => random.NextBytes(piece), "rubbish");
            case 6:
                return Fill(
                bytes, SectorBytes, (piece, random) => Piece(content, piece.Length, random).CopyTo(piece), "another sector of it");
            case 7:
                // What lay there before the file did: a sector, or all, of another one.
                var other = others[random.Next(others.Count)];
                if (random.Next(3) > 0)
                    return Fill(bytes, SectorBytes, (piece, random) => Piece(other, piece.Length, random).CopyTo(piece),
                        "a sector of another file");
                Name = "another file's content";
                return (byte[])other.Clone();
            default:
                var tail = Rubbish(random.Next(1, PageBytes));
                Name = $"{tail.Length} bytes more";
                return [.. bytes, .. tail];
        }
    }

    private byte[] Fill(byte[] bytes, int size, SpanAction fill, string what)
    {
        size = Math.Min(size, bytes.Length);
        var at = size >= SectorBytes ? random.Next(bytes.Length / SectorBytes + 1) * SectorBytes : random.Next(bytes.Length);
        at = Math.Min(at, bytes.Length - size);
        Name = $"{size} bytes at {at}: {what}";
        fill(bytes.AsSpan(at, size), random);
        return bytes;
    }

    private static ReadOnlySpan<byte> Piece(byte[] from, int size, Random random)
    {
        size = Math.Min(size, from.Length);
        return from.AsSpan(random.Next(from.Length - size + 1), size);
    }

    private byte[] Rubbish(int size)
    {
        var bytes = new byte[size];
        random.NextBytes(bytes);
        return bytes;
    }

    private delegate void SpanAction(Span<byte> piece, Random random);
}
