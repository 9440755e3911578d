using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers.Queries;

/// <summary>What other nodes have answered to one query, and which of them are silent. Not thread safe.</summary>
internal sealed class PeerQuery(IPeers peers, TimeProvider time)
{
    // Longer than a node that is only busy takes, and too short to be felt.
    private static readonly TimeSpan ForCovered = TimeSpan.FromMilliseconds(250);
    private readonly List<PeerPart> _parts = [];
    private readonly List<LiveBatchView> _leftBehind = [];
    private readonly HashSet<string> _silent = new(peers.Lost, StringComparer.Ordinal);

    /// <summary>One of each node that is there and each tenant.</summary>
    public IReadOnlyList<PeerPart> Parts => _parts;

    /// <summary>Names of nodes that may have spans that are not here.</summary>
    public IReadOnlySet<string> Silent => _silent;

    /// <summary>Why one is silent, the last that said so; empty: none did.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>All that is here of live data.</summary>
    public IReadOnlyList<LiveBatchView> Live => [.. _leftBehind, .. _parts.SelectMany(static part => part.Live)];

    /// <summary>Of these, those that are to be asked; the others are silent without that.</summary>
    public List<IPeer> Answering(IReadOnlyList<IPeer> holders)
    {
        _silent.UnionWith(holders.Where(static peer => peer.IsSuspect).Select(static peer => peer.Name));
        return [.. holders.Where(static peer => !peer.IsSuspect)];
    }

    /// <summary>
    /// Waits for answers: for all; once those that are missing are covered by the others, only a little longer. Who did not answer is
    /// silent. Each one answers or fails some time (<see cref="IPeer.AskAsync"/>).
    /// </summary>
    public async Task TakeAsync(IReadOnlyDictionary<IPeer, Task<PeerPart[]>> asked, CancellationToken cancellation)
    {
        await WaitAsync(asked, cancellation).ConfigureAwait(false);
        foreach (var (peer, answer) in asked)
        {
            if (!answer.IsCompletedSuccessfully)
            {
                _silent.Add(peer.Name);
                if (answer.Exception is { InnerException: { } e }) Failure = e.Message;
            }
            else if (!_silent.Contains(peer.Name))
            {
                var parts = await answer.ConfigureAwait(false);
                _parts.RemoveAll(before => before.Peer == peer && parts.Any(part => part.Mirror == before.Mirror));
                _parts.AddRange(parts);
            }
        }
    }

    /// <summary>
    /// Nodes that left out what another one has, which is not among the parts, are asked for just that. One that does not answer becomes
    /// silent; the part that it had answered stays, as what it has claimed itself is in it.
    /// </summary>
    public Task CompleteAsync(CancellationToken cancellation)
    {
        var there = _parts.Select(static part => part.Source).ToHashSet();
        var lacking = _parts.FindAll(part => !_silent.Contains(part.Peer.Name) && !part.Needs.All(there.Contains));
        foreach (var source in lacking.SelectMany(static part => part.Needs))
            if (!there.Contains(source))
                source.GiveUp();
        return TakeAsync(lacking.GroupBy(static part => part.Peer)
            .ToDictionary(static peer => peer.Key, static peer => Task.WhenAll(peer.Select(CompleteAsync))), cancellation);
    }

    /// <summary>
    /// The node has gone since it answered. Its spans in memory are better than none; what others left out because of it is to be
    /// completed.
    /// </summary>
    public void Lose(PeerPart part, string why)
    {
        _silent.Add(part.Peer.Name);
        _leftBehind.AddRange(part.Live);
        _parts.Remove(part);
        Failure = why;
    }

    private async Task WaitAsync(IReadOnlyDictionary<IPeer, Task<PeerPart[]>> asked, CancellationToken cancellation)
    {
        while (asked.Values.Where(static answer => !answer.IsCompleted).ToList() is { Count: > 0 } running)
        {
            var missing = asked.Where(static answer => !answer.Value.IsCompletedSuccessfully).Select(static answer => answer.Key.Name)
                .Concat(_silent).ToHashSet(StringComparer.Ordinal);
            if (peers.AreCovered(missing))
            {
                await ((Task)Task.WhenAll(running)).WaitAsync(ForCovered, time, cancellation)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                break;
            }

            await Task.WhenAny(running).WaitAsync(cancellation).ConfigureAwait(false);
        }

        cancellation.ThrowIfCancellationRequested();
    }

    private static async Task<PeerPart> CompleteAsync(PeerPart part)
    {
        // What it has if it began anew in between may lack what later queries have from others, of whom this query has earlier answers.
        var complete = await part.Mirror!.RefreshAsync().ConfigureAwait(false);
        return complete.Beginning == part.Beginning ? complete : throw new PeerException($"{part.Peer.Name} began anew while it was asked");
    }
}
