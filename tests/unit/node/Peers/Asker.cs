using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Queries;

namespace Tempo.Node.Tests.Peers;

/// <summary>Node a, which asks the others for live data as its queries do.</summary>
internal sealed class Asker
{
    public static readonly TimeSpan Hang = TimeSpan.FromMinutes(1);
    private readonly CounterFamily _spans = new MetricRegistry().Counter("spans", "", "outcome");

    public Asker() => Mirrors = new LiveMirrors(Node.State, Known, _spans, TimeProvider.System);

    public LiveNode Node { get; } = new("a");

    public KnownSpans Known { get; } = new(1 << 20, TimeProvider.System);

    public LiveMirrors Mirrors { get; }

    /// <summary>Spans that came, and that did not because they are known.</summary>
    public (long Copied, long Known) Counts => (_spans.With("copied").Value, _spans.With("known").Value);

    /// <summary>A query of its own to each of these.</summary>
    public Task<PeerPart>[] Refresh(params IReadOnlyList<IPeer> peers) =>
        [.. Mirrors.Refresh(TenantId.Single, peers).Select(static one => one.Part)];

    /// <summary>A query that waits for all but for those that it knows to be silent.</summary>
    public static PeerQuery Query(params string[] silent) => new(new LiveNodes { Lost = silent }, TimeProvider.System);

    /// <summary>What these answer to it at first.</summary>
    public Task TakeAsync(PeerQuery query, params IReadOnlyList<IPeer> peers) =>
        query.TakeAsync(Mirrors.Refresh(TenantId.Single, peers).ToDictionary(static one => one.Peer, static one => Task.WhenAll(one.Part)),
            default).WaitAsync(Hang);

    /// <summary>The same of a whole query, which all answer; without what it would ask for once more.</summary>
    public async Task<PeerQuery> AskAsync(params IPeer[] peers)
    {
        var query = Query();
        await TakeAsync(query, peers);
        Assert.Empty(query.Failure);
        return query;
    }

    /// <summary>What a query does once it has its answers.</summary>
    public void Judge(IReadOnlyList<IPeer> peers, params IEnumerable<string> silent) =>
        Mirrors.Judge(TenantSet.Single, peers, silent.ToHashSet());

    public static int CountOf(PeerPart part) => part.Live.Sum(static view => view.SpanCount);

    /// <summary>Ascending; one that came twice is there twice.</summary>
    public static IEnumerable<ulong> IdsOf(params IEnumerable<PeerPart> parts) =>
        parts.SelectMany(static part => part.Live).SelectMany(static view => view.Columns.SpanId.Take(view.SpanCount)).Order();
}
