using System.Buffers;

namespace Tempo.Engine.Query.Kernels;

/// <summary>
/// Scratch columns of a query, which need the memory of a page for some milliseconds: from the process's pool, which keeps a few of
/// each size, instead of fresh pages of the system each time. What they hold is not kept when they grow.
/// </summary>
internal static class RentedArray
{
    public static void Reserve<T>(ref T[] array, int count)
    {
        if (array.Length >= count) return;
        Return(ref array);
        array = ArrayPool<T>.Shared.Rent(count);
    }

    public static void Return<T>(ref T[] array)
    {
        if (array.Length > 0) ArrayPool<T>.Shared.Return(array);
        array = [];
    }
}
