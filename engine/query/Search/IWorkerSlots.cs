namespace Tempo.Engine.Query.Search;

/// <summary>
/// Threads that a query may borrow beside its own, and how it makes way for others. A query takes those that are free when it begins
/// a piece of work and gives them back at its end. Thread safe.
/// </summary>
public interface IWorkerSlots
{
    /// <summary>Takes up to <paramref name="wanted"/>, without waiting; the result is how many.</summary>
    int Take(int wanted);

    /// <summary>Gives back what was taken.</summary>
    void Return(int taken);

    /// <summary>
    /// Called by each thread of a query between two pieces of its work, a batch or a page, of some milliseconds at most: returns at once,
    /// or when it is this query's turn again. Throws <see cref="OperationCanceledException"/> if nobody waits for the answer any more: so
    /// a query does one piece more for each of its threads at most.
    /// </summary>
    void Yield(CancellationToken cancellation);
}
