using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tempo.SimdBloom;

/// <summary>
/// One shard of a block's trace-id filter, probed in the bytes of its bloom-N object: nothing is copied, so the bytes may
/// be an array, a pooled buffer or a mapping, and must stay as they are while the filter is in use.
/// The caller picks the shard by <see cref="TempoBloomLayout.ShardOf"/>.
/// </summary>
public readonly ref struct TempoBloomFilter
{
    private readonly ReadOnlySpan<byte> _words;
    private readonly BitModulus _modulus;

    /// <summary>Bits of the shard ("M").</summary>
    public long BitCount { get; }

    /// <summary>Bits tested per id ("k").</summary>
    public int HashCount { get; }

    private TempoBloomFilter(ReadOnlySpan<byte> words, ulong bitCount, int hashCount)
    {
        _words = words;
        _modulus = new BitModulus(bitCount);
        BitCount = (long)bitCount;
        HashCount = hashCount;
    }

    /// <summary>
    /// Opens the bytes of a bloom-N object. False, with what is wrong and where, if the header does not fit the bytes that
    /// are there: every number it claims is checked before it is used, and none leads to an allocation.
    /// </summary>
    public static bool TryOpen(ReadOnlySpan<byte> shardObject, out TempoBloomFilter filter, [NotNullWhen(false)] out string? error)
    {
        filter = default;
        if (shardObject.Length < TempoBloomFormat.HeaderSizeBytes)
        {
            error = $"bloom object of {shardObject.Length} bytes is shorter than its header of {TempoBloomFormat.HeaderSizeBytes}";
            return false;
        }

        var bitCount = BinaryPrimitives.ReadUInt64BigEndian(shardObject);
        var hashCount = BinaryPrimitives.ReadUInt64BigEndian(shardObject[TempoBloomFormat.HashCountOffset..]);
        var bitSetLength = BinaryPrimitives.ReadUInt64BigEndian(shardObject[TempoBloomFormat.BitSetLengthOffset..]);
        var words = shardObject[TempoBloomFormat.HeaderSizeBytes..];
        error = Check(bitCount, hashCount, bitSetLength, words.Length);
        if (error != null) return false;

        filter = new TempoBloomFilter(words, bitCount, (int)hashCount);
        return true;
    }

    /// <summary>False means surely not in the shard.</summary>
    /// <exception cref="ArgumentException">The id is not 16 bytes long.</exception>
    public bool MayContain(ReadOnlySpan<byte> traceId) => MayContain(TraceIdHash.Of(traceId));

    /// <summary>False means surely not in the shard. A default filter contains nothing.</summary>
    public bool MayContain(in TraceIdHash hash)
    {
        ref var words = ref MemoryMarshal.GetReference(_words);
        for (uint i = 0; i < (uint)HashCount; i++)
        {
            var bit = TempoBloomBits.Position(hash, i, _modulus);
            // In bounds: bit < BitCount, and Check has seen that _words holds ⌈BitCount / 64⌉ whole words.
            if ((Unsafe.Add(ref words, TempoBloomFormat.ByteOf(bit)) >> (int)(bit & 7) & 1) == 0) return false;
        }

        return HashCount != 0;
    }

    private static string? Check(ulong bitCount, ulong hashCount, ulong bitSetLength, int wordBytes)
    {
        if (bitCount == 0) return "bloom object claims 0 bits";
        if (bitSetLength != bitCount)
            return $"bloom object claims {bitCount} bits at byte 0 and {bitSetLength} at byte {TempoBloomFormat.BitSetLengthOffset}";
        if (hashCount is 0 or > TempoBloomLayout.MaxHashCount)
            return $"bloom object claims {hashCount} bits per id at byte {TempoBloomFormat.HashCountOffset}; 1 to {TempoBloomLayout.MaxHashCount} are possible";

        var claimedBytes = (UInt128)(bitCount / 64 + (bitCount % 64 == 0 ? 0u : 1u)) * 8;
        return claimedBytes == (UInt128)wordBytes
            ? null
            : $"bloom object claims {bitCount} bits, which are {claimedBytes} bytes, and has {wordBytes} after its header";
    }
}
