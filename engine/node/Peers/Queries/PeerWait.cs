namespace Tempo.Engine.Node.Peers.Queries;

/// <summary>How long a query waits for what it asked other nodes: for all of them; once those that are missing are covered by the others, only a little longer.</summary>
internal sealed class PeerWait(IPeers peers, TimeProvider time)
{
    private static readonly TimeSpan ForCovered = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits, and adds those that did not answer to <paramref name="silent"/>. Each one answers or fails some time (<see cref="IPeer.AskAsync"/>).</summary>
    /// <returns>Why one did not answer; empty: all did, or nobody knows yet.</returns>
    public async Task<string> ForAsync<T>(Dictionary<IPeer, Task<T>> asked, HashSet<string> silent, CancellationToken cancellation)
    {
        while (asked.Values.Where(static answer => !answer.IsCompleted).ToList() is { Count: > 0 } running)
        {
            var missing = asked.Where(static answer => !answer.Value.IsCompletedSuccessfully).Select(static answer => answer.Key.Name).Concat(silent).ToHashSet(StringComparer.Ordinal);
            if (peers.AreCovered(missing))
            {
                await ((Task)Task.WhenAll(running)).WaitAsync(ForCovered, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                break;
            }

            await Task.WhenAny(running).WaitAsync(cancellation).ConfigureAwait(false);
        }

        cancellation.ThrowIfCancellationRequested();
        var failure = "";
        foreach (var (peer, answer) in asked)
        {
            if (answer.IsCompletedSuccessfully) continue;
            silent.Add(peer.Name);
            if (answer.Exception is { InnerException: { } e }) failure = e.Message;
        }

        return failure;
    }
}
