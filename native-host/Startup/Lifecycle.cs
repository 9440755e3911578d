namespace Tempo.Host.Startup;

/// <summary>Running, then stopping, never back. Thread safe.</summary>
public sealed class Lifecycle
{
    private readonly TaskCompletionSource _stopRequested = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>From here on /ready answers 503.</summary>
    public bool IsStopping => _stopRequested.Task.IsCompleted;

    /// <summary>Completes when the process was asked to stop.</summary>
    public Task StopRequested => _stopRequested.Task;

    /// <summary>Asks the process to stop; once or often.</summary>
    public void RequestStop() => _stopRequested.TrySetResult();
}
