using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Query.Kernels;

/// <summary>min ≤ (entry &amp; mask) ≤ max, in the order of the type.</summary>
internal readonly struct InRange<T>(T mask, T min, T max) : IEntryTest<T>
    where T : unmanaged, IBinaryInteger<T>
{
    public bool Holds(T entry) => (entry & mask) >= min && (entry & mask) <= max;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<T> Holds(Vector256<T> entries)
    {
        var masked = entries & Vector256.Create(mask);
        return Vector256.GreaterThanOrEqual(masked, Vector256.Create(min)) & Vector256.LessThanOrEqual(masked, Vector256.Create(max));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> Holds(Vector512<T> entries)
    {
        var masked = entries & Vector512.Create(mask);
        return Vector512.GreaterThanOrEqual(masked, Vector512.Create(min)) & Vector512.LessThanOrEqual(masked, Vector512.Create(max));
    }
}
