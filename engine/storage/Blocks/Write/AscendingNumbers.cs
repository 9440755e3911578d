using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>Numbers in ascending order, some of them several times.</summary>
internal static class AscendingNumbers
{
    /// <summary>How many equal the one before.</summary>
    public static int CountRepeats(ReadOnlySpan<int> numbers)
    {
        var (count, i) = (0, 0);
        ref var first = ref MemoryMarshal.GetReference(numbers);
        // Each reads as many numbers and the one behind them.
        for (; i + Vector256<int>.Count < numbers.Length; i += Vector256<int>.Count)
        {
            var next = Vector256.LoadUnsafe(ref first, (nuint)i + 1);
            count += BitOperations.PopCount(Vector256.Equals(Vector256.LoadUnsafe(ref first, (nuint)i), next).ExtractMostSignificantBits());
        }

        for (; i + 1 < numbers.Length; i++) count += numbers[i] == numbers[i + 1] ? 1 : 0;
        return count;
    }
}
