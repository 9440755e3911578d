namespace Tempo.Engine.Node;

/// <summary>A background loop of the node, as those see it who ask how it is.</summary>
/// <param name="Name">For the status page.</param>
/// <param name="Running">The loop.</param>
/// <param name="LastError">Why its last round failed; empty if it did not.</param>
internal sealed record NodeLoop(string Name, Task Running, Func<string> LastError)
{
    /// <summary>What is wrong with it; empty if nothing is. It is asked before the node stops: a loop has no other reason to end.</summary>
    public string Error =>
        Running.IsFaulted ? $"has ended: {Running.Exception.GetBaseException().Message}"
        : Running.IsCompleted ? "has ended"
        : LastError();

    /// <summary>
    /// Runs a round after each interval until cancelled. What a round throws is told to <paramref name="onError"/>, and the next one comes.
    /// </summary>
    public static async Task EveryAsync(
        TimeSpan interval, Func<CancellationToken, Task> round, Action<Exception> onError, TimeProvider time,
        CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(interval, time, cancellation).ConfigureAwait(false);
                await round(cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                onError(e);
            }
        }
    }

    /// <summary>Waits for its end, whatever that was.</summary>
    public async Task EndAsync() => await Running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}

/// <summary>A part of the node that works by itself.</summary>
/// <param name="Name">For the status page.</param>
/// <param name="Error">What is wrong with it; empty if nothing is.</param>
public readonly record struct NodeService(string Name, string Error);
