namespace Tempo.Engine.Node.Peers.Queries;

/// <summary>What several peers answered to one query.</summary>
internal static class PeerParts
{
    /// <summary>
    /// Peers that left out what another one has, which is not among these, are asked for just that. One that does not answer becomes silent; the part that it
    /// had answered stays, as what it has claimed itself is in it.
    /// </summary>
    /// <returns>Why one did not answer; empty: all did.</returns>
    public static async Task<string> CompleteAsync(List<PeerPart> parts, HashSet<string> silent, PeerWait wait, CancellationToken cancellation)
    {
        var there = parts.Select(static part => part.Source).ToHashSet();
        var lacking = parts.FindAll(part => !silent.Contains(part.Peer.Name) && !part.Needs.All(there.Contains)).ToLookup(static part => part.Peer);
        foreach (var source in lacking.SelectMany(static part => part).SelectMany(static part => part.Needs))
            if (!there.Contains(source))
                source.GiveUp();
        var asked = lacking.ToDictionary(static peer => peer.Key, static peer => Task.WhenAll(peer.Select(CompleteAsync)));
        var failure = await wait.ForAsync(asked, silent, cancellation).ConfigureAwait(false);
        foreach (var (peer, answer) in asked)
        {
            if (silent.Contains(peer.Name)) continue;
            parts.RemoveAll(lacking[peer].Contains);
            parts.AddRange(await answer.ConfigureAwait(false));
        }

        return failure;
    }

    private static async Task<PeerPart> CompleteAsync(PeerPart part)
    {
        // What it has if it began anew in between may lack what later queries have from others, of whom this query has earlier answers.
        var complete = await part.Mirror!.RefreshAsync().ConfigureAwait(false);
        return complete.Beginning == part.Beginning ? complete : throw new PeerException($"{part.Peer.Name} began anew while it was asked");
    }
}
