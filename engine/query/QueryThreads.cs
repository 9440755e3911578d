using Tempo.Engine.Query.Search;

namespace Tempo.Engine.Query;

/// <summary>What a query computes on.</summary>
/// <param name="Count">Threads, the caller's included.</param>
/// <param name="Slots">How it makes way for others between two pieces of its work.</param>
public readonly record struct QueryThreads(int Count, IWorkerSlots Slots)
{
    /// <summary>Threads that nobody else waits for.</summary>
    public static implicit operator QueryThreads(int count) => new(count, WorkerSlots.OfProcess);
}
