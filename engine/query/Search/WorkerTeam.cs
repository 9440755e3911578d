using System.Runtime.ExceptionServices;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// The threads of one search: the caller's, and those it can borrow. Items are handed out one by one, in order; each worker has a
/// state of its own. The first failure ends the others' work and is thrown when all have stopped.
/// </summary>
internal sealed class WorkerTeam<TWorker>(int maxWorkers, IWorkerSlots slots, Func<TWorker> create)
{
    private readonly List<TWorker> _workers = [];

    /// <summary>The workers so far.</summary>
    public IReadOnlyList<TWorker> Workers => _workers;

    /// <summary>Runs <paramref name="run"/> for each of the items.</summary>
    public async Task ForEachAsync<TItem>(
        IReadOnlyList<TItem> items, Action<TWorker, TItem, CancellationToken> run, CancellationToken cancellation)
    {
        if (items.Count == 0) return;
        var borrowed = slots.Take(Math.Min(maxWorkers, items.Count) - 1);
        try
        {
            while (_workers.Count < borrowed + 1) _workers.Add(create());
            if (borrowed == 0)
            {
                foreach (var item in items) run(_workers[0], item, cancellation);
                return;
            }

            await TogetherAsync(items, run, borrowed, cancellation).ConfigureAwait(false);
        }
        finally
        {
            slots.Return(borrowed);
        }
    }

    private async Task TogetherAsync<TItem>(
        IReadOnlyList<TItem> items, Action<TWorker, TItem, CancellationToken> run, int borrowed, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var token = stop.Token;
        var next = -1;
        Exception? failure = null;
        void Work(TWorker worker)
        {
            try
            {
                for (var i = Interlocked.Increment(ref next); i < items.Count; i = Interlocked.Increment(ref next))
                    run(worker, items[i], token);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
                stop.Cancel();
            }
        }

        var tasks = new Task[borrowed];
        for (var i = 0; i < borrowed; i++)
        {
            var worker = _workers[i + 1];
            // Without the token: each must be waited for, since it may have begun.
#pragma warning disable RS0030 // a query computes on all cores; the best results do not depend on the order
            tasks[i] = Task.Factory.StartNew(() => Work(worker), CancellationToken.None, TaskCreationOptions.None, TaskScheduler.Default);
#pragma warning restore RS0030
        }

        Work(_workers[0]);
        await Task.WhenAll(tasks).ConfigureAwait(false);
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
    }
}
