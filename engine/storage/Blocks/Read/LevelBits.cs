using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>Levels as sets of bits. The scalar loops are the truth; which run <see cref="LevelKernel"/> chooses.</summary>
internal static class LevelBits
{
    /// <summary>Marks the levels that are <paramref name="level"/> or higher; one word of bits for each 64 levels begun.</summary>
    public static void MarkAtLeast(ReadOnlySpan<byte> levels, byte level, Span<ulong> bits) =>
        MarkAtLeast(LevelKernel.Current, levels, level, bits);

    /// <summary>The same with a given kernel.</summary>
    internal static void MarkAtLeast(LevelKind kernel, ReadOnlySpan<byte> levels, byte level, Span<ulong> bits)
    {
        var words = kernel == LevelKind.Vector && Vector256.IsHardwareAccelerated ? levels.Length / 64 : 0;
        ref var first = ref MemoryMarshal.GetReference(levels);
        var wanted = Vector256.Create(level);
        for (var word = 0; word < words; word++)
        {
            var low = Vector256.GreaterThanOrEqual(Vector256.LoadUnsafe(ref first, (nuint)word * 64), wanted).ExtractMostSignificantBits();
            var high =
                Vector256.GreaterThanOrEqual(Vector256.LoadUnsafe(ref first, (nuint)word * 64 + 32), wanted).ExtractMostSignificantBits();
            bits[word] = (ulong)high << 32 | low;
        }

        MarkAtLeastScalar(levels[(words * 64)..], level, bits[words..]);
    }

    internal static void MarkAtLeastScalar(ReadOnlySpan<byte> levels, byte level, Span<ulong> bits)
    {
        for (var word = 0; word * 64 < levels.Length; word++)
        {
            ulong marks = 0;
            for (var i = word * 64; i < Math.Min(levels.Length, word * 64 + 64); i++)
                if (levels[i] >= level)
                    marks |= 1UL << i;
            bits[word] = marks;
        }
    }

    /// <summary>
    /// The bits at the set places of <paramref name="mask"/>, one beside the other from the lowest on. Who calls it for many words asks
    /// once which kernel is in use.
    /// </summary>
    public static ulong Extract(LevelKind kernel, ulong bits, ulong mask) =>
        Bmi2.X64.IsSupported && kernel == LevelKind.Vector ? Bmi2.X64.ParallelBitExtract(bits, mask) : ExtractScalar(bits, mask);

    internal static ulong ExtractScalar(ulong bits, ulong mask)
    {
        ulong extracted = 0;
        for (var to = 0; mask != 0; mask &= mask - 1, to++)
            if ((bits & mask & (0 - mask)) != 0)
                extracted |= 1UL << to;
        return extracted;
    }

    /// <summary>The lowest bits, one at each set place of <paramref name="mask"/>: undoes <see cref="Extract"/>.</summary>
    public static ulong Deposit(LevelKind kernel, ulong bits, ulong mask) =>
        Bmi2.X64.IsSupported && kernel == LevelKind.Vector ? Bmi2.X64.ParallelBitDeposit(bits, mask) : DepositScalar(bits, mask);

    internal static ulong DepositScalar(ulong bits, ulong mask)
    {
        ulong deposited = 0;
        for (; mask != 0; mask &= mask - 1, bits >>= 1)
            if ((bits & 1) != 0)
                deposited |= mask & (0 - mask);
        return deposited;
    }

    /// <summary>How many are set.</summary>
    public static int Count(ReadOnlySpan<ulong> bits)
    {
        var count = 0;
        foreach (var word in bits) count += System.Numerics.BitOperations.PopCount(word);
        return count;
    }
}
