using System.Runtime.Intrinsics;

namespace Tempo.Engine.Query.Kernels;

/// <summary>
/// A test of one entry of a column: a scalar form, which is the truth, and its twins on vectors (all bits set where it holds).
/// </summary>
internal interface IEntryTest<T>
    where T : unmanaged
{
    bool Holds(T entry);

    Vector256<T> Holds(Vector256<T> entries);

    Vector512<T> Holds(Vector512<T> entries);
}
