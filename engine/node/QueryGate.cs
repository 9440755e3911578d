using System.Diagnostics.CodeAnalysis;
using Tempo.Engine.Query;

namespace Tempo.Engine.Node;

/// <summary>
/// Lets a few queries run at once and others wait in line. A query computes on its thread from beginning to end: without
/// the gate a burst of them takes every thread of the pool, and ingest and /ready wait for seconds behind it. One that
/// waits holds no thread and no data. Thread safe.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The semaphore has no handle as long as nobody asks for it, and queries may outlive the node's stop.")]
internal sealed class QueryGate(int maxRunning, int maxWaiting)
{
    private readonly SemaphoreSlim _free = new(maxRunning, maxRunning);
    private int _entered;

    /// <summary>Waits for a place; dispose the result to give it back. Throws <see cref="QueryException"/> (busy) if the line is full.</summary>
    public async ValueTask<Place> EnterAsync(CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref _entered) > maxRunning + maxWaiting)
        {
            Interlocked.Decrement(ref _entered);
            throw new QueryException(QueryErrorKind.Busy, $"{maxRunning} queries run and {maxWaiting} wait; try again");
        }

        try
        {
            await _free.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            Interlocked.Decrement(ref _entered);
            throw;
        }

        return new Place(this);
    }

    /// <summary>
    /// Takes places that are free at this moment, at most <paramref name="count"/>, without waiting: threads with which a query that
    /// runs may go on. Dispose the result to give them back.
    /// </summary>
    public Places TakeFree(int count)
    {
        var taken = 0;
        while (taken < count && _free.Wait(0)) taken++;
        return new Places(this, taken);
    }

    private void Leave()
    {
        _free.Release();
        Interlocked.Decrement(ref _entered);
    }

    /// <summary>The right to run a query; disposed once.</summary>
    internal readonly struct Place(QueryGate gate) : IDisposable
    {
        public void Dispose() => gate.Leave();
    }

    /// <summary>Places that a running query has besides its own; disposed once.</summary>
    internal readonly struct Places(QueryGate gate, int count) : IDisposable
    {
        public int Count => count;

        public void Dispose()
        {
            if (count > 0) gate._free.Release(count);
        }
    }
}
