using Tempo.Engine.Query.Kernels;

namespace Tempo.Engine.Query;

/// <summary>What a host decides for its searches.</summary>
public sealed record SearchOptions
{
    /// <summary>The inner loops of the scan.</summary>
    public KernelKind Kernel { get; init; } = KernelChoice.Current;
}
