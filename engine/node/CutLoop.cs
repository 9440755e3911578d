using System.Collections.Concurrent;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>
/// Cuts live data when it is old or large enough: new requests go to a new generation, and the old one is written as blocks
/// (<see cref="GenerationWriter"/>) once the last request has left it. As many are written at once as
/// <see cref="NodeOptions.MaxRunningCuts"/> says: at the speed at which requests can be taken one thread does not keep up,
/// and live data would grow until it is refused. A cut that fails is tried again.
/// </summary>
internal sealed class CutLoop(
    NodeOptions options, WriteAheadLog log, GenerationWriter writer, NodeState state, NodeMetrics metrics, Log messages,
    TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Where the log's disk is short, live data of so many request bytes is cut: sooner than it is full, and not for every request.
    /// </summary>
    private const long ShortDiskBytes = 4 << 20;

    /// <summary>
    /// Live data that took so long to come to <see cref="NodeOptions.SlowLiveSpans"/> comes slowly: below some 20,000 spans/s.
    /// </summary>
    private static readonly TimeSpan SlowFillTime = TimeSpan.FromSeconds(2);

    private const int MaxTenantsOfSlowCut = 4;

    // One rolls at a time.
    private readonly SemaphoreSlim _rolling = new(1, 1);
    private readonly CancellationTokenSource _stop = new();

    // The cuts under way; its own lock.
    private readonly Dictionary<Generation, Task> _running = [];
    private readonly ConcurrentDictionary<Generation, string> _failed = new();
    private volatile TaskCompletionSource _woken = NewSignal();
    private volatile string _rollError = "";
    private volatile string _roundError = "";
    private int _disposed;

    // The generation that was last seen to hold spans, and since when: the age that counts is that of the spans.
    private (Generation? Generation, long Since) _filled;

    /// <summary>Why the last cut, or the last round of the loop, failed; empty if neither did.</summary>
    public string LastError =>
        _rollError.Length > 0 ? _rollError : _roundError.Length > 0 ? _roundError : _failed.Values.FirstOrDefault("");

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await WaitAsync(cancellation).ConfigureAwait(false);
                log.CheckAgain();
                GarbageBudget.CheckYoung(time);
                SpareMemory.LetGoIfShort();
                await RollAsync(force: false, cancellation).ConfigureAwait(false);
                StartWaiting();
                _roundError = "";
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Heard by /ready through LastError; the next round tries again. Rolling has noted its own: a flush rolls, too.
                if (e.Message == _rollError) continue;
                Tell(e);
                _roundError = e.Message;
            }
        }
    }

    /// <summary>The current generation has become large: looks at once whether it is due. Thread safe; costs nothing.</summary>
    public void Wake() => _woken.TrySetResult();

    /// <summary>Cuts everything there is, and throws if that fails. Cancelling ends the waiting, not the cuts.</summary>
    public async Task CutAsync(CancellationToken cancellation)
    {
        await RollAsync(force: true, cancellation).ConfigureAwait(false);
        foreach (var generation in state.View.Waiting)
        {
            while (state.View.Waiting.Contains(generation))
            {
                StartWaiting();
                if (TryStart(generation) is { } cut) await cut.WaitAsync(cancellation).ConfigureAwait(false);
                else if (Running() is { Length: > 0 } running) await Task.WhenAny(running).WaitAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>After the loop has ended: ends the cuts that are under way, and lets none begin.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _rolling.WaitAsync().ConfigureAwait(false);
        await Task.WhenAll(Running()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _rolling.Dispose();
        _stop.Dispose();
    }

    // While a cut fails, time alone brings the next round.
    private async Task WaitAsync(CancellationToken cancellation)
    {
        if (LastError.Length > 0)
        {
            await Task.Delay(RetryInterval, time, cancellation).ConfigureAwait(false);
            return;
        }

        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAny(Task.Delay(CheckInterval, time, waiting.Token), _woken.Task).ConfigureAwait(false);
        await waiting.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        if (_woken.Task.IsCompleted) _woken = NewSignal();
    }

    private async Task RollAsync(bool force, CancellationToken cancellation)
    {
        await _rolling.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var old = state.View.Current;
            if (old.Live.ByteCount > 0 && (force || IsDue(old)))
            {
                state.Update(view => view with { Generations = [.. view.Generations, state.NewGeneration(log.Roll())] });
                await old.SealAsync(time.GetUtcNow()).ConfigureAwait(false);
            }

            _rollError = "";
        }
        catch (Exception e)
        {
            Tell(e);
            _rollError = e.Message;
            throw;
        }
        finally
        {
            _rolling.Release();
        }
    }

    private bool IsDue(Generation generation)
    {
        if (generation.Live.SpanCount == 0) return false;
        if (_filled.Generation != generation) _filled = (generation, time.GetTimestamp());
        return IsFull(generation) || log.IsFull || log.IsShort && generation.Live.ByteCount >= ShortDiskBytes
            || time.GetElapsedTime(_filled.Since) >= options.MaxBlockDuration;
    }

    /// <summary>It holds what a cut takes.</summary>
    public bool IsFull(Generation generation)
    {
        var live = generation.Live;
        var spans = live.SpanCount;
        return spans >= options.MaxLiveSpans || live.ByteCount >= options.MaxLiveBytes || live.MemoryBytes >= options.CutMemoryBytes
            || spans >= options.SlowLiveSpans && IsSlow(generation);
    }

    // Many tenants would make as many blocks each time.
    private bool IsSlow(Generation generation) =>
        generation.Live.TenantCount <= MaxTenantsOfSlowCut && generation.Age(time) >= SlowFillTime;

    private void StartWaiting()
    {
        foreach (var generation in state.View.Waiting)
            if (TryStart(generation) is null)
                break;
    }

    /// <summary>The generation's cut, begun if it is not under way; null if too many are.</summary>
    private Task? TryStart(Generation generation)
    {
        lock (_running)
        {
            if (_running.TryGetValue(generation, out var running)) return running;
            if (_running.Count >= options.MaxRunningCuts) return null;
            if (!state.View.Waiting.Contains(generation)) return Task.CompletedTask; // it has just ended
#pragma warning disable RS0030 // cuts run beside each other; which ends first decides nothing
            var cut =
                Task.Factory.StartNew(() => RunAsync(generation), _stop.Token, TaskCreationOptions.None, TaskScheduler.Default).Unwrap();
#pragma warning restore RS0030
            _running.Add(generation, cut);
            return cut;
        }
    }

    private async Task RunAsync(Generation generation)
    {
        var isDone = false;
        try
        {
            // It leaves the current place before its last request has left it, and may be seen here in between.
            await generation.Sealed.WaitAsync(_stop.Token).ConfigureAwait(false);
            await writer.WriteAsync(generation, _stop.Token).ConfigureAwait(false);
            _failed.TryRemove(generation, out _);
            isDone = true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !_stop.IsCancellationRequested)
        {
            Tell(e);
            _failed[generation] = e.Message;
            throw;
        }
        finally
        {
            lock (_running) _running.Remove(generation);
            // The next one takes its place at once, whoever waits for which; one that failed would only fail again.
            if (isDone && !_stop.IsCancellationRequested) StartWaiting();
        }
    }

    private void Tell(Exception e)
    {
        if (LastError != e.Message) messages.Error("cut failed, will be tried again", ("err", e.Message));
        metrics.CutsFailed.Add();
    }

    private Task[] Running()
    {
        lock (_running) return [.. _running.Values];
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
