using System.Numerics;
using System.Runtime.CompilerServices;

namespace Tempo.Fuzz.Coverage;

/// <summary>
/// What has been reached so far: of each block how often an input ran through it, in eight classes (once, twice, 3, 4 to 7, 8 to 15, 16 to
/// 31, 32 to 127, more). An input that reaches a class of a block for the first time is worth keeping: the next mutations begin with it.
/// </summary>
internal sealed unsafe class CoverageMap(int blockCount)
{
    private readonly byte[] _seen = new byte[blockCount];

    /// <summary>Blocks that some input has run through.</summary>
    public int BlockCount { get; private set; }

    /// <summary>Before an input runs.</summary>
    public static void Clear(int blockCount) => Unsafe.InitBlockUnaligned(CoverageCounters.Hits, 0, (uint)blockCount);

    /// <summary>After it has run: whether it reached something new.</summary>
    public bool Take()
    {
        var isNew = false;
        var hits = CoverageCounters.Hits;
        var block = 0;
        // Safe: the counters are MostBlocks bytes, and blockCount is no more. Nearly all of them are zero.
        for (; block + Vector<byte>.Count <= blockCount; block += Vector<byte>.Count)
        {
            if (Unsafe.ReadUnaligned<Vector<byte>>(hits + block) == Vector<byte>.Zero) continue;
            for (var i = block; i < block + Vector<byte>.Count; i++) isNew |= Add(i, hits[i]);
        }

        for (; block < blockCount; block++) isNew |= Add(block, hits[block]);
        return isNew;
    }

    private bool Add(int block, byte hits)
    {
        if (hits == 0) return false;
        var kind = ClassOf(hits);
        ref var seen = ref _seen[block];
        if ((seen & kind) != 0) return false;
        if (seen == 0) BlockCount++;
        seen |= kind;
        return true;
    }

    private static byte ClassOf(byte hits) => hits switch
    {
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}
