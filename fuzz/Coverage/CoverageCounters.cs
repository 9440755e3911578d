using System.Runtime.InteropServices;

namespace Tempo.Fuzz.Coverage;

/// <summary>
/// A counter of one byte for each basic block of the code under test, which <see cref="Instrumenter"/> has written into its assemblies.
/// Public, because they reach it from there.
/// </summary>
public static unsafe class CoverageCounters
{
    /// <summary>More than there are blocks: the product has some 150,000.</summary>
    public const int MostBlocks = 1 << 20;

    /// <summary>Native memory that is never moved, nor freed.</summary>
    public static readonly byte* Hits = (byte*)NativeMemory.AllocZeroed(MostBlocks);
}
