using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Query.Kernels;

/// <summary>entry = value.</summary>
internal readonly struct EqualTo<T>(T value) : IEntryTest<T>
    where T : unmanaged, IBinaryInteger<T>
{
    public bool Holds(T entry) => entry == value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<T> Holds(Vector256<T> entries) => Vector256.Equals(entries, Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> Holds(Vector512<T> entries) => Vector512.Equals(entries, Vector512.Create(value));
}
