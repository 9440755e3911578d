using Tempo.Engine.Foundation;

namespace Tempo.Host.Startup;

/// <summary>Starting, running, stopping, never back. Thread safe.</summary>
public sealed class Lifecycle
{
    private readonly TaskCompletionSource _stopRequested = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private volatile bool _hasStarted;

    /// <summary>False, and /ready answers 503, until every listener takes connections.</summary>
    public bool HasStarted => _hasStarted;

    /// <summary>From here on /ready answers 503.</summary>
    public bool IsStopping => _stopRequested.Task.IsCompleted;

    /// <summary>Completes when the process was asked to stop.</summary>
    public Task StopRequested => _stopRequested.Task;

    /// <summary>Every listener takes connections.</summary>
    public void ReportStarted() => _hasStarted = true;

    /// <summary>Asks the process to stop; once or often.</summary>
    public void RequestStop() => _stopRequested.TrySetResult();

    /// <summary>
    /// Starts, waits until it is asked to stop, keeps answering for <paramref name="delay"/>, stops. What was started before a later
    /// part failed is stopped, too.
    /// </summary>
    internal async Task RunAsync(Func<Task> start, Func<Task> stop, TimeSpan delay, Log log, TimeProvider time)
    {
        try
        {
            await start().ConfigureAwait(false);
            await StopRequested.ConfigureAwait(false);
            log.Info("stopping");
            if (delay > TimeSpan.Zero) await Task.Delay(delay, time).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (IsStopping)
        {
            // It was asked to stop while it waited for another one, to hear who is in its ring.
        }
        finally
        {
            await stop().ConfigureAwait(false);
        }
    }
}
