using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Search;

namespace Tempo.Engine.Node;

/// <summary>
/// Lets a few queries run at once and others wait in line. A query computes on its threads from beginning to end: without
/// the gate a burst of them takes every thread of the pool, and ingest and /ready wait for seconds behind it. One that
/// waits holds no thread and no data. Thread safe.
/// <para>
/// Fair between tenants: each has a line of its own, and a place that becomes free goes to the lines in turn. Places that nobody
/// waits for are lent to queries that run, which then compute on several threads.
/// </para>
/// </summary>
internal sealed class QueryGate : IWorkerSlots
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedList<TaskCompletionSource>> _lines = new(StringComparer.Ordinal);

    // Tenants that wait, in the order in which they are served.
    private readonly LinkedList<string> _turns = new();
    private readonly int _maxRunning;
    private readonly int _maxWaiting;
    private readonly int _maxWaitingOfTenant;
    private int _free;
    private int _waiting;

    public QueryGate(int maxRunning, int maxWaiting, int maxWaitingOfTenant = int.MaxValue)
    {
        _maxRunning = _free = maxRunning;
        _maxWaiting = maxWaiting;
        _maxWaitingOfTenant = maxWaitingOfTenant;
    }

    /// <summary>Waits for a place; dispose the result to give it back. Throws <see cref="QueryException"/> (busy) if the line is full.</summary>
    public async ValueTask<Place> EnterAsync(string tenant, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        GarbageBudget.CheckQuery();
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                return new Place(this);
            }

            if (_lines.TryGetValue(tenant, out var line) && line.Count >= _maxWaitingOfTenant)
                throw new QueryException(QueryErrorKind.Busy, $"job queue full: {line.Count} queries of this tenant wait; try again");
            if (_waiting >= _maxWaiting) throw new QueryException(QueryErrorKind.Busy, $"job queue full: {_maxRunning} queries run and {_waiting} wait; try again");
            JoinLine(tenant, turn);
        }

        await using var registration = cancellation.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), turn).ConfigureAwait(false);
        try
        {
            await turn.Task.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            lock (_lock) LeaveLine(tenant, turn);
            throw;
        }

        return new Place(this);
    }

    private void JoinLine(string tenant, TaskCompletionSource turn)
    {
        if (!_lines.TryGetValue(tenant, out var line))
        {
            _lines.Add(tenant, line = new LinkedList<TaskCompletionSource>());
            _turns.AddLast(tenant);
        }

        line.AddLast(turn);
        _waiting++;
    }

    private void LeaveLine(string tenant, TaskCompletionSource turn)
    {
        // Whoever hands out places may have taken it out of the line already.
        if (!_lines.TryGetValue(tenant, out var line) || !line.Remove(turn)) return;
        _waiting--;
        if (line.Count > 0) return;
        _lines.Remove(tenant);
        _turns.Remove(tenant);
    }

    /// <summary>
    /// Takes places that are free at this moment, at most <paramref name="wanted"/>, without waiting: threads with which a query that
    /// runs may go on.
    /// </summary>
    public int Take(int wanted)
    {
        lock (_lock)
        {
            var taken = Math.Clamp(wanted, 0, _free);
            _free -= taken;
            return taken;
        }
    }

    public void Return(int taken)
    {
        lock (_lock)
            for (; taken > 0; taken--)
                if (!TryPassOn())
                    _free++;
    }

    // The place goes to the next one in line.
    private bool TryPassOn()
    {
        while (_turns.First is { Value: var tenant } first)
        {
            _turns.RemoveFirst();
            var line = _lines[tenant];
            var turn = line.First!.Value;
            line.RemoveFirst();
            _waiting--;
            if (line.Count > 0) _turns.AddLast(first);
            else _lines.Remove(tenant);
            if (turn.TrySetResult()) return true; // else it has gone
        }

        return false;
    }

    /// <summary>The same as <see cref="Take"/>; dispose the result to give them back.</summary>
    public Places TakeFree(int count) => new(this, Take(count));

    /// <summary>The right to run a query; disposed once.</summary>
    internal readonly struct Place(QueryGate gate) : IDisposable
    {
        public void Dispose() => gate.Return(1);
    }

    /// <summary>Places that a running query has besides its own; disposed once.</summary>
    internal readonly struct Places(QueryGate gate, int count) : IDisposable
    {
        public int Count => count;

        public void Dispose() => gate.Return(count);
    }
}
