using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Search;

namespace Tempo.Engine.Query;

/// <summary>What a host decides for its searches: how they run, and how much one may use.</summary>
public sealed record SearchOptions
{
    /// <summary>The inner loops of the scan.</summary>
    public KernelKind Kernel { get; init; } = KernelChoice.Current;

    /// <summary>Threads that one search may compute on.</summary>
    public int MaxWorkers { get; init; } = Environment.ProcessorCount;

    /// <summary>
    /// Where threads beyond the first come from, shared by all searches: one that finds none goes on with its own.
    /// </summary>
    public IWorkerSlots Workers { get; init; } = WorkerSlots.OfProcess;

    /// <summary>Bytes of blocks that one search may read; 0 = no limit. Beyond: <see cref="QueryErrorKind.TooLarge"/>.</summary>
    public long MaxReadBytes { get; init; }

    /// <summary>
    /// Bytes of blocks after which a search ends unfinished (<see cref="SearchResult.IsUnfinished"/>): whoever asked may divide it. 0: it
    /// goes on.
    /// </summary>
    public long AloneBytes { get; init; }

    /// <summary>
    /// Traces that may have to be looked at before the first answer is certain: the memory that a search takes, some 100 bytes
    /// each. Beyond: <see cref="QueryErrorKind.TooLarge"/>.
    /// </summary>
    public int MaxCandidates { get; init; } = 8 << 20;

    /// <summary>Spans listed in one answer. Beyond: <see cref="QueryErrorKind.TooLarge"/>.</summary>
    public int MaxListedSpans { get; init; } = 4 << 20;

    /// <summary>What all queries share: a search has half of it at the most. Beyond: <see cref="QueryErrorKind.TooLarge"/>.</summary>
    public QueryMemory Memory { get; init; } = QueryMemory.OfProcess;

    /// <summary>How long one search may take; none if it is zero. Beyond: <see cref="QueryErrorKind.Timeout"/>.</summary>
    public TimeSpan Timeout { get; init; }

#pragma warning disable RS0030 // of who hands in none
    public TimeProvider Time { get; init; } = TimeProvider.System;
#pragma warning restore RS0030
}
