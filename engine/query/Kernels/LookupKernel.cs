using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tempo.Engine.Query.Kernels;

/// <summary>
/// Looks codes up in a table of one byte an entry and marks where its lowest bit is set: how an answer that was found once per
/// dictionary entry (or once per resource) becomes an answer per row.
/// </summary>
internal static class LookupKernel
{
    /// <summary>Bytes that the answers must have behind the last entry: a gather reads 4 at each code.</summary>
    public const int PaddingBytes = 3;

    /// <summary>
    /// Every code is a valid index of <paramref name="answers"/> without the padding. The result is the union of all bytes that
    /// were met, so that a caller who uses another bit for "not known yet" sees whether one was.
    /// </summary>
    public static byte Run(KernelKind kind, ReadOnlySpan<int> codes, byte[] answers, Span<ulong> bits) =>
        kind == KernelKind.Scalar ? Scalar(codes, answers, bits) : Gather(codes, answers, bits);

    private static byte Scalar(ReadOnlySpan<int> codes, byte[] answers, Span<ulong> bits)
    {
        byte met = 0;
        for (var word = 0; word << 6 < codes.Length; word++) bits[word] = ScalarWord(codes[(word << 6)..], answers, ref met);
        return met;
    }

    private static ulong ScalarWord(ReadOnlySpan<int> codes, byte[] answers, ref byte met)
    {
        ulong marks = 0;
        for (var i = Math.Min(64, codes.Length) - 1; i >= 0; i--)
        {
            var answer = answers[codes[i]];
            met |= answer;
            marks = marks << 1 | answer & 1UL;
        }

        return marks;
    }

    private static void ThrowBeyond() => throw new InvalidOperationException("a code beyond its table");

    // Safe: a code is below answers.Length - PaddingBytes, so the 4 bytes at it lie within the array, which is pinned. That is
    // checked for each vector before it is used as an address.
    private static unsafe byte Gather(ReadOnlySpan<int> codes, byte[] answers, Span<ulong> bits)
    {
        var words = codes.Length >> 6;
        var limit = Vector256.Create((uint)(answers.Length - PaddingBytes));
        var met = Vector256<int>.Zero;
        fixed (int* code = codes)
        fixed (byte* answer = answers)
        {
            for (var word = 0; word < words; word++)
            {
                ulong marks = 0;
                for (var i = 0; i < 64; i += 8)
                {
                    var index = Vector256.Load(code + (word << 6) + i);
                    if (!Vector256.LessThanAll(index.AsUInt32(), limit)) ThrowBeyond();
                    var found = Avx2.GatherVector256((int*)answer, index, 1);
                    met |= found;
                    marks |= (ulong)(found << 31).ExtractMostSignificantBits() << i;
                }

                bits[word] = marks;
            }
        }

        var union = met | Vector256.Shuffle(met, Vector256.Create(4, 5, 6, 7, 0, 1, 2, 3));
        byte all = 0;
        for (var i = 0; i < 4; i++) all |= (byte)union[i];
        if ((codes.Length & 63) != 0) bits[words] = ScalarWord(codes[(words << 6)..], answers, ref all);
        return all;
    }
}
