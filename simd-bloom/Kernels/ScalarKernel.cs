using System.Buffers.Binary;

namespace Tempo.SimdBloom;

/// <summary>The plain kernel: bounds-checked, runs everywhere, and is what the vector kernels must agree with.</summary>
internal sealed class ScalarKernel : IBloomKernel
{
    public static readonly ScalarKernel Instance = new();

    public string Name => "scalar";

    public bool IsSupported => true;

    public void HashIds(ReadOnlySpan<byte> ids, Span<TraceIdHash> hashes)
    {
        for (var i = 0; i < hashes.Length; i++)
            hashes[i] = TraceIdHash.OfChecked(ids.Slice(i * TraceIdHash.IdSizeBytes, TraceIdHash.IdSizeBytes));
    }

    public void Insert(Span<byte> bitSet, ReadOnlySpan<ulong> hashes)
    {
        foreach (var hash in hashes)
        {
            var block = bitSet.Slice((int)SplitBlock.OffsetOf(hash, bitSet.Length), SplitBlock.SizeBytes);
            for (var lane = 0; lane < SplitBlock.Lanes; lane++)
            {
                var word = block[(lane * sizeof(uint))..];
                BinaryPrimitives.WriteUInt32LittleEndian(
                    word, BinaryPrimitives.ReadUInt32LittleEndian(word) | SplitBlock.LaneMask(hash, lane));
            }
        }
    }

    public bool MayContain(ReadOnlySpan<byte> bitSet, ulong hash)
    {
        var block = bitSet.Slice((int)SplitBlock.OffsetOf(hash, bitSet.Length), SplitBlock.SizeBytes);
        for (var lane = 0; lane < SplitBlock.Lanes; lane++)
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(block[(lane * sizeof(uint))..]);
            if ((word & SplitBlock.LaneMask(hash, lane)) == 0) return false;
        }

        return true;
    }

    public void Probe(ReadOnlySpan<byte> bitSet, ReadOnlySpan<ulong> hashes, Span<ulong> found)
    {
        found.Clear();
        for (var i = 0; i < hashes.Length; i++)
            if (MayContain(bitSet, hashes[i])) found[i >> 6] |= 1UL << i;
    }
}
