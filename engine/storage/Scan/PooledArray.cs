using System.Buffers;
using System.Numerics;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Arrays of the process's pool, for what is made anew for each block or query and is its maker's alone. The fields that hold them begin as
/// empty arrays, which are nobody's.
/// </summary>
internal static class PooledArray
{
    /// <summary>Makes room for <paramref name="count"/>, at least twice what there was; keeps the first <paramref name="used"/>.</summary>
    public static void Reserve<T>(ref T[] array, int used, int count)
    {
        if (array.Length >= count) return;
        var grown = ArrayPool<T>.Shared.Rent((int)Math.Min(Math.Max(count, array.Length * 2L), Array.MaxLength));
        Array.Copy(array, grown, used);
        Return(ref array);
        array = grown;
    }

    /// <summary>Slots of a hash table, all 0: a power of two of them, at least <paramref name="count"/>, which is one.</summary>
    public static T[] RentZeros<T>(int count)
    {
        var rented = ArrayPool<T>.Shared.Rent(count);
        if (!BitOperations.IsPow2(rented.Length)) return new T[count]; // today's pool has none that is not
        Array.Clear(rented);
        return rented;
    }

    /// <summary>Gives it back and leaves an empty one.</summary>
    public static void Return<T>(ref T[] array)
    {
        if (array.Length > 0) ArrayPool<T>.Shared.Return(array);
        array = [];
    }
}
