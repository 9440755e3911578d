using System.Numerics;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

/// <summary>Smallest and largest of a page's numbers, in PLAIN form. Empty for no numbers, and for doubles if any is NaN.</summary>
internal static class NumericBounds
{
    public static (byte[] Min, byte[] Max) Of(ReadOnlySpan<int> values, bool isUnsigned) => isUnsigned
        ? OfIntegers(MemoryMarshal.Cast<int, uint>(values))
        : OfIntegers(values);

    public static (byte[] Min, byte[] Max) Of(ReadOnlySpan<long> values, bool isUnsigned) => isUnsigned
        ? OfIntegers(MemoryMarshal.Cast<long, ulong>(values))
        : OfIntegers(values);

    /// <summary>Zero is written as -0.0 for a minimum and +0.0 for a maximum, as the format asks: the two compare as equal.</summary>
    public static (byte[] Min, byte[] Max) Of(ReadOnlySpan<double> values)
    {
        double min = double.PositiveInfinity, max = double.NegativeInfinity;
        foreach (var value in values)
        {
            if (double.IsNaN(value)) return ([], []);
            if (value < min) min = value;
            if (value > max) max = value;
        }

        if (values.IsEmpty) return ([], []);
        return (BitConverter.GetBytes(min == 0 ? -0.0 : min), BitConverter.GetBytes(max == 0 ? 0.0 : max));
    }

    private static (byte[] Min, byte[] Max) OfIntegers<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (values.IsEmpty) return ([], []);
        var min = values[0];
        var max = values[0];
        var i = 0;
        if (values.Length >= Vector<T>.Count)
        {
            var minima = new Vector<T>(values);
            var maxima = minima;
            for (; i + Vector<T>.Count <= values.Length; i += Vector<T>.Count)
            {
                var block = new Vector<T>(values[i..]);
                minima = Vector.Min(minima, block);
                maxima = Vector.Max(maxima, block);
            }

            for (var lane = 0; lane < Vector<T>.Count; lane++)
            {
                min = T.Min(min, minima[lane]);
                max = T.Max(max, maxima[lane]);
            }
        }

        for (; i < values.Length; i++)
        {
            min = T.Min(min, values[i]);
            max = T.Max(max, values[i]);
        }

        return (MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in min)).ToArray(), MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in max)).ToArray());
    }
}
