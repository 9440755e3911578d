using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Tempo.SimdBloom;

/// <summary>
/// Everything Tempo's bloom filter asks of a 16-byte trace id, computed once: the shard comes from an FNV-1 hash, the bit
/// positions from two MurmurHash3 x64 128 hashes. One hash then probes the filters of any number of blocks.
/// </summary>
/// <remarks>
/// <code>
/// H0, H1 = murmur3(id)            16 bytes, seed 0: one block, no tail
/// H2, H3 = murmur3(id ‖ 0x01)     17 bytes, seed 0: the same block, then a tail of one known byte
/// Fnv    = fnv1(id)               32 bits; FNV-1 (multiply, then xor), not FNV-1a
/// </code>
/// The block of both murmur hashes is the same, so it is mixed once and only the ends differ.
/// </remarks>
public readonly struct TraceIdHash
{
    /// <summary>Bytes of a trace id.</summary>
    public const int IdSizeBytes = 16;

    internal const ulong MurmurC1 = 0x87C37B91114253D5;
    internal const ulong MurmurC2 = 0x4CF5AD432745937F;
    internal const ulong MurmurAdd1 = 0x52DCE729;
    internal const ulong MurmurAdd2 = 0x38495AB5;
    internal const ulong MurmurFinal1 = 0xFF51AFD7ED558CCD;
    internal const ulong MurmurFinal2 = 0xC4CEB9FE1A85EC53;

    // What the tail byte 0x01 of the 17-byte hash contributes: rotl(1 · C1, 31) · C2, a constant because the byte is one.
    internal const ulong MurmurTailOfOne = unchecked(((MurmurC1 << 31) | (MurmurC1 >> 33)) * MurmurC2);

    internal const uint FnvOffset = 2166136261;
    internal const uint FnvPrime = 16777619;

    internal readonly ulong H0, H1, H2, H3;
    internal readonly uint Fnv;

    internal TraceIdHash(ulong h0, ulong h1, ulong h2, ulong h3, uint fnv) => (H0, H1, H2, H3, Fnv) = (h0, h1, h2, h3, fnv);

    /// <summary>Hashes one id.</summary>
    /// <exception cref="ArgumentException">The id is not 16 bytes long.</exception>
    public static TraceIdHash Of(ReadOnlySpan<byte> traceId)
    {
        if (traceId.Length != IdSizeBytes) BloomThrow.IdLength(traceId.Length);
        return OfChecked(traceId);
    }

    /// <summary>The shard of the id in a block whose meta.json says <paramref name="bloomShards"/>; 0 means the legacy 10.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative number of shards.</exception>
    public int ShardOf(int bloomShards)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bloomShards);
        return (int)(Fnv % (uint)(bloomShards == 0 ? TempoBloomLayout.LegacyShardCount : bloomShards));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TraceIdHash OfChecked(ReadOnlySpan<byte> traceId)
    {
        var first = BinaryPrimitives.ReadUInt64LittleEndian(traceId);
        var second = BinaryPrimitives.ReadUInt64LittleEndian(traceId[8..]);

        var h1 = BitOperations.RotateLeft(first * MurmurC1, 31) * MurmurC2;
        h1 = BitOperations.RotateLeft(h1, 27) * 5 + MurmurAdd1; // "+ h2" of the algorithm: h2 is still the seed, zero
        var h2 = BitOperations.RotateLeft(second * MurmurC2, 33) * MurmurC1;
        h2 = (BitOperations.RotateLeft(h2, 31) + h1) * 5 + MurmurAdd2;

        var (h2OfId, h3OfId) = FinishMurmur(h1 ^ MurmurTailOfOne, h2, IdSizeBytes + 1);
        (h1, h2) = FinishMurmur(h1, h2, IdSizeBytes);
        return new TraceIdHash(h1, h2, h2OfId, h3OfId, Fnv1(first, second));
    }

    private static (ulong, ulong) FinishMurmur(ulong h1, ulong h2, ulong length)
    {
        h1 ^= length;
        h2 ^= length;
        h1 += h2;
        h2 += h1;
        h1 = FinalMix(h1);
        h2 = FinalMix(h2);
        h1 += h2;
        return (h1, h2 + h1);
    }

    private static ulong FinalMix(ulong h)
    {
        h = (h ^ (h >> 33)) * MurmurFinal1;
        h = (h ^ (h >> 33)) * MurmurFinal2;
        return h ^ (h >> 33);
    }

    // The id as two little-endian words, so its bytes come lowest first.
    private static uint Fnv1(ulong first, ulong second)
    {
        var hash = FnvOffset;
        for (var shift = 0; shift < 64; shift += 8) hash = hash * FnvPrime ^ (byte)(first >> shift);
        for (var shift = 0; shift < 64; shift += 8) hash = hash * FnvPrime ^ (byte)(second >> shift);
        return hash;
    }
}
