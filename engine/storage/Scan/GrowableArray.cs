using System.Runtime.CompilerServices;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Growth of column arrays: doubling up to <see cref="DoublesUpTo"/>, a quarter more beyond, uninitialised. The old array stays
/// readable for whoever holds it.
/// </summary>
public static class GrowableArray
{
    /// <summary>
    /// Columns are kept for reuse at the size that their batches or pages reach: what they grow beyond it stays unused, and is
    /// an eighth of them in the mean instead of a quarter.
    /// </summary>
    private const int DoublesUpTo = 16 * 1024;

    /// <summary>The length after <paramref name="length"/>, at least <paramref name="count"/>.</summary>
    public static int Grown(int length, long count)
    {
        var more = length < DoublesUpTo ? length * 2L : length + length / 4L;
        return (int)Math.Min(Math.Max(Math.Max(more, count), 16), Array.MaxLength);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Reserve<T>(ref T[] array, int count)
    {
        if (array.Length < count) Grow(ref array, count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Grow<T>(ref T[] array, int count)
    {
        var grown = GC.AllocateUninitializedArray<T>(Grown(array.Length, count));
        Array.Copy(array, grown, array.Length);
        array = grown;
    }
}
