using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Query.Kernels;

/// <summary>Runs a test over a column and marks where it holds: bit i % 64 of word i / 64. Bits behind the last entry are 0.</summary>
internal static class MarkKernel
{
    /// <summary><paramref name="bits"/> has one word for each 64 entries begun.</summary>
    public static void Run<T, TTest>(KernelKind kind, ReadOnlySpan<T> column, TTest test, Span<ulong> bits)
        where T : unmanaged
        where TTest : struct, IEntryTest<T>
    {
        switch (kind)
        {
            case KernelKind.Vector512: Run512(column, test, bits); break;
            case KernelKind.Vector256: Run256(column, test, bits); break;
            default: Scalar(column, test, bits); break;
        }
    }

    private static void Scalar<T, TTest>(ReadOnlySpan<T> column, TTest test, Span<ulong> bits)
        where T : unmanaged
        where TTest : struct, IEntryTest<T>
    {
        for (var word = 0; word << 6 < column.Length; word++) bits[word] = ScalarWord(column[(word << 6)..], test);
    }

    private static ulong ScalarWord<T, TTest>(ReadOnlySpan<T> entries, TTest test)
        where T : unmanaged
        where TTest : struct, IEntryTest<T>
    {
        ulong marks = 0;
        for (var i = Math.Min(64, entries.Length) - 1; i >= 0; i--) marks = marks << 1 | (test.Holds(entries[i]) ? 1UL : 0);
        return marks;
    }

    // Both: whole words of 64 entries, all of which lie within the column; the scalar twin does the rest.

    private static void Run256<T, TTest>(ReadOnlySpan<T> column, TTest test, Span<ulong> bits)
        where T : unmanaged
        where TTest : struct, IEntryTest<T>
    {
        ref var entries = ref MemoryMarshal.GetReference(column);
        var words = column.Length >> 6;
        for (var word = 0; word < words; word++)
        {
            ulong marks = 0;
            for (var i = 0; i < 64; i += Vector256<T>.Count)
                marks |= (ulong)test.Holds(Vector256.LoadUnsafe(ref entries, (nuint)((word << 6) + i))).ExtractMostSignificantBits() << i;
            bits[word] = marks;
        }

        if ((column.Length & 63) != 0) bits[words] = ScalarWord(column[(words << 6)..], test);
    }

    private static void Run512<T, TTest>(ReadOnlySpan<T> column, TTest test, Span<ulong> bits)
        where T : unmanaged
        where TTest : struct, IEntryTest<T>
    {
        ref var entries = ref MemoryMarshal.GetReference(column);
        var words = column.Length >> 6;
        for (var word = 0; word < words; word++)
        {
            ulong marks = 0;
            for (var i = 0; i < 64; i += Vector512<T>.Count)
                marks |= test.Holds(Vector512.LoadUnsafe(ref entries, (nuint)((word << 6) + i))).ExtractMostSignificantBits() << i;
            bits[word] = marks;
        }

        if ((column.Length & 63) != 0) bits[words] = ScalarWord(column[(words << 6)..], test);
    }
}
