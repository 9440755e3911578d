using System.Runtime.CompilerServices;

namespace Tempo.Engine.Storage.Scan;

/// <summary>Growth of column arrays: doubling, uninitialised, the old array stays readable for whoever holds it.</summary>
public static class GrowableArray
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Reserve<T>(ref T[] array, int count)
    {
        if (array.Length < count) Grow(ref array, count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Grow<T>(ref T[] array, int count)
    {
        var grown = GC.AllocateUninitializedArray<T>((int)Math.Min(Math.Max(Math.Max(array.Length * 2L, count), 16), Array.MaxLength));
        Array.Copy(array, grown, array.Length);
        array = grown;
    }
}
