namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// The arrays of a batch that is filled again and again. A new array is exactly as long as it must be; one that is outgrown
/// gets an eighth more, so that pages of about the same size soon need none.
/// </summary>
internal static class ColumnMemory
{
    /// <summary>The first <paramref name="count"/> places, whose content is whatever was there.</summary>
    public static Span<T> Take<T>(ref T[] array, int count)
    {
        if (array.Length < count)
        {
            var length = array.Length == 0 ? count : (int)Math.Min(count + count / 8L, Array.MaxLength);
            array = GC.AllocateUninitializedArray<T>(length);
        }

        return array.AsSpan(0, count);
    }

    /// <summary>The same, all zero.</summary>
    public static Span<T> TakeZeroed<T>(ref T[] array, int count)
    {
        var places = Take(ref array, count);
        places.Clear();
        return places;
    }

    /// <summary>A copy of the values.</summary>
    public static void Copy<T>(ReadOnlySpan<T> values, ref T[] array) => values.CopyTo(Take(ref array, values.Length));
}
