using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Kernels;

/// <summary>
/// Finds the entries of a string table that equal a text: by their lengths first, of which eight or sixteen are looked at at once.
/// </summary>
internal static class EntryKernel
{
    /// <summary>Adds the codes of all entries below <paramref name="count"/> that equal <paramref name="text"/>.</summary>
    public static void Find(KernelKind kind, StringTable table, int count, ReadOnlySpan<byte> text, List<int> codes)
    {
        var offsets = table.Offsets.AsSpan(0, count + 1);
        var bytes = table.Bytes;
        var width = kind switch { KernelKind.Vector512 => Vector512<int>.Count, KernelKind.Vector256 => Vector256<int>.Count, _ => 1 };
        ref var offset = ref MemoryMarshal.GetReference(offsets);
        var first = 0;
        for (; width > 1 && first + width <= count; first += width)
        {
            var ofLength = width == Vector512<int>.Count
                ? Vector512.Equals(Vector512.LoadUnsafe(ref offset, (nuint)first + 1) - Vector512.LoadUnsafe(ref offset, (nuint)first),
                    Vector512.Create(text.Length)).ExtractMostSignificantBits()
                : Vector256.Equals(Vector256.LoadUnsafe(ref offset, (nuint)first + 1) - Vector256.LoadUnsafe(ref offset, (nuint)first),
                    Vector256.Create(text.Length)).ExtractMostSignificantBits();
            for (; ofLength != 0; ofLength &= ofLength - 1)
            {
                var code = first + System.Numerics.BitOperations.TrailingZeroCount(ofLength);
                if (bytes.AsSpan(offsets[code], text.Length).SequenceEqual(text)) codes.Add(code);
            }
        }

        for (; first < count; first++)
            if (offsets[first + 1] - offsets[first] == text.Length && bytes.AsSpan(offsets[first], text.Length).SequenceEqual(text))
                codes.Add(first);
    }
}
