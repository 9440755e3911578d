using System.Numerics;

namespace Tempo.Engine.Query.Kernels;

/// <summary>Sets of rows as bits: row i is bit i % 64 of word i / 64; bits behind the last row are 0.</summary>
internal static class Bitmap
{
    public static int WordCount(int rows) => (int)((uint)rows + 63) >> 6;

    public static bool Get(ReadOnlySpan<ulong> bits, int row) => (bits[row >> 6] >> row & 1) != 0;

    public static void Set(Span<ulong> bits, int row) => bits[row >> 6] |= 1UL << row;

    public static bool IsEmpty(ReadOnlySpan<ulong> bits) => !bits.ContainsAnyExcept(0UL);

    /// <summary>Is one of the rows from <paramref name="first"/> to before <paramref name="end"/> set? There is at least one.</summary>
    public static bool HasAny(ReadOnlySpan<ulong> bits, int first, int end)
    {
        var (word, last) = (first >> 6, (end - 1) >> 6);
        var low = ulong.MaxValue << first;
        var high = ulong.MaxValue >> (63 - (end - 1 & 63));
        if (word == last) return (bits[word] & low & high) != 0;
        return (bits[word] & low) != 0 || (bits[last] & high) != 0 || bits[(word + 1)..last].ContainsAnyExcept(0UL);
    }

    /// <summary>
    /// Adds those of the rows from <paramref name="first"/> to before <paramref name="end"/> that are set in <paramref name="other"/>.
    /// </summary>
    public static void OrRange(Span<ulong> bits, ReadOnlySpan<ulong> other, int first, int end)
    {
        var (word, last) = (first >> 6, (end - 1) >> 6);
        for (var i = word; i <= last; i++)
        {
            var found = other[i];
            if (i == word) found &= ulong.MaxValue << first;
            if (i == last) found &= ulong.MaxValue >> (63 - (end - 1 & 63));
            bits[i] |= found;
        }
    }

    public static int Count(ReadOnlySpan<ulong> bits)
    {
        var count = 0;
        foreach (var word in bits) count += BitOperations.PopCount(word);
        return count;
    }

    /// <summary>All of <paramref name="rows"/> rows.</summary>
    public static void Fill(Span<ulong> bits, int rows)
    {
        bits.Fill(ulong.MaxValue);
        if ((rows & 63) != 0) bits[^1] = (1UL << rows) - 1;
    }

    public static void And(Span<ulong> bits, ReadOnlySpan<ulong> other)
    {
        for (var i = 0; i < bits.Length; i++) bits[i] &= other[i];
    }

    public static void Or(Span<ulong> bits, ReadOnlySpan<ulong> other)
    {
        for (var i = 0; i < bits.Length; i++) bits[i] |= other[i];
    }

    public static void AndNot(Span<ulong> bits, ReadOnlySpan<ulong> other)
    {
        for (var i = 0; i < bits.Length; i++) bits[i] &= ~other[i];
    }

    public static void Not(Span<ulong> bits, int rows)
    {
        for (var i = 0; i < bits.Length; i++) bits[i] = ~bits[i];
        if ((rows & 63) != 0) bits[^1] &= (1UL << rows) - 1;
    }

    /// <summary>Writes the rows in ascending order; the result is how many.</summary>
    public static int ToRows(ReadOnlySpan<ulong> bits, Span<int> rows)
    {
        var count = 0;
        for (var word = 0; word < bits.Length; word++)
            for (var left = bits[word]; left != 0; left &= left - 1)
                rows[count++] = (word << 6) + BitOperations.TrailingZeroCount(left);
        return count;
    }
}
