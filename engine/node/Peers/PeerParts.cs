namespace Tempo.Engine.Node.Peers;

/// <summary>What several peers answered to one query.</summary>
internal static class PeerParts
{
    /// <summary>
    /// Of a peer that left out what another one has, which did not answer, everything is copied. Takes those out of the list of which that failed, and
    /// returns them with the reason.
    /// </summary>
    public static async Task<List<(PeerPart Part, string Why)>> CompleteAsync(List<PeerPart> parts, TimeSpan patience, CancellationToken cancellation)
    {
        var failed = new List<(PeerPart Part, string Why)>();
        while (parts.FindAll(part => part.Needs.Any(source => !parts.Exists(other => other.Source == source))) is { Count: > 0 } lacking)
        {
            var whole = lacking.ConvertAll(part => part.Mirror!.CopyWholeAsync(patience));
            for (var i = 0; i < lacking.Count; i++)
            {
                parts.Remove(lacking[i]);
                try
                {
                    parts.Add(await whole[i].WaitAsync(cancellation).ConfigureAwait(false));
                }
                catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
                {
                    failed.Add((lacking[i], e.Message));
                }
            }
        }

        return failed;
    }
}
