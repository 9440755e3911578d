using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;

namespace Tempo.Engine.Node.Slices;

/// <summary>
/// Searches and metrics queries: on this node, or, where there is much to read, divided over the nodes of the ring by slices of trace ids.
/// All copies and parts of a trace are in one slice, so each node answers its slice as it would answer the whole, and answers are only put
/// together.
/// <code>
/// search    here, until it has read a share (most end before: they want the newest); then divided
/// metrics   divided at once if the blocks in range are more than a share
/// slices    of about the same number of bytes, one a node, in the order of ids and of names: where all nodes take part, each reads the
///           same slice again
/// </code>
/// What is divided counts in the metrics and the limits of each node that works on it.
/// </summary>
internal sealed class SlicedQueries(LocalQueries here, NodeState state, NodeOptions options, TimeProvider time)
{
    private IPeers? _peers;
    private SliceFan? _fan;

    /// <summary>From here on there are other nodes.</summary>
    public void Join(IPeers peers, MetricRegistry registry)
    {
        var outcomes = registry.Counter(
            "tempo_ring_query_slices_total",
            "Slices of queries that this node divided: own, answered by another node, or computed here as well because that one was late, failed, or knew that something is missing (partial).",
            "outcome");
        _fan = new SliceFan(here.AnswerAsync, outcomes, time);
        _peers = peers;
    }

    /// <summary>
    /// A slice for another node; appends the answer. Throws <see cref="PeerException"/> for a question that makes no sense, and as long as
    /// this node does not take part in queries: alone it would know of its own live data only, and not say so.
    /// </summary>
    public async ValueTask AnswerAsync(NativeBuffer question, NativeBuffer answer, CancellationToken cancellation)
    {
        if (_peers is not { AnswersSlices: true })
            throw new PeerException($"{_peers?.Name ?? "this node"} takes no part in queries of the ring now");
        var asked = SliceMessages.DecodeQuestion(question.Written);
        using var memory = new AnswerMemory(options.Search.Memory);
        using var found = await here.AnswerAsync(asked, memory, cancellation).ConfigureAwait(false);
        SliceMessages.Write(answer, found);
    }

    /// <summary>Throws <see cref="QueryException"/>.</summary>
    public async Task<SearchResult> SearchAsync(TenantSet tenants, SearchRequest request, CancellationToken cancellation)
    {
        if (request.Progress is { } progress) request = request with { Progress = new RepeatedProgress(progress) };
        var range = new Range(tenants, request.StartSeconds, request.HasNoEnd ? 0 : request.EndSeconds, options.SearchShareBytes);
        if (CountOf(range) < 2 || !TraceSearch.CanDivide(request)) return await UndividedAsync().ConfigureAwait(false);
        if (await here.SearchAsync(tenants, request, aloneBytes: options.SearchShareBytes, cancellation)
            .ConfigureAwait(false) is { IsUnfinished: false } whole)
            return whole;
        return await DivideAsync(
            range,
            // What is certain of a slice is not so of the whole.
            slice => new SliceQuestion(tenants, slice, request with { Progress = null }),
            answers =>
                Task.FromResult(TraceSearch.Join(request, answers.Select(static answer => SearchMessages.Read(answer.Content!.Written)))),
            UndividedAsync,
            cancellation).ConfigureAwait(false);

        Task<SearchResult> UndividedAsync() => here.SearchAsync(tenants, request, aloneBytes: 0, cancellation);
    }

    /// <summary>Throws <see cref="QueryException"/>.</summary>
    public Task<TResult> QueryMetricsAsync<TResult>(TenantSet tenants, MetricsRequest<TResult> request, CancellationToken cancellation)
    {
        const ulong second = 1_000_000_000;
        var range =
            new Range(tenants, (long)(request.StartUnixNano / second), (long)(request.EndUnixNano / second), options.MetricsShareBytes);
        if (CountOf(range) < 2 || !MetricsQuery.CanDivide(request.Query)) return UndividedAsync();
        var now = time.GetUtcNow();
        return DivideAsync(
            range,
            slice => new SliceQuestion(tenants, slice, request with { Progress = null, Watcher = null }) { Now = now },
            answers => here.JoinAsync(tenants, request, now, Array.ConvertAll(answers, static answer => answer.Content!), cancellation),
            UndividedAsync,
            cancellation);

        Task<TResult> UndividedAsync() => here.QueryMetricsAsync(tenants, request, cancellation);
    }

    // Undivided where there is too little to divide, and where answers cannot be put together: of a node that is configured otherwise, or
    // of another version. Answers are put together without a place among the queries: little work, of which each node has done its own.
    private async Task<T> DivideAsync<T>(
        Range range, Func<TraceSlice, SliceQuestion> ask, Func<SliceAnswer[], Task<T>> join, Func<Task<T>> undivided,
        CancellationToken cancellation)
    {
        var slices = await AssignAsync(range, ask, cancellation).ConfigureAwait(false);
        if (slices.Count < 2) return await undivided().ConfigureAwait(false);
        try
        {
            using var memory = new AnswerMemory(options.Search.Memory);
            var answers = await _fan!.AskAsync(slices, memory, cancellation).ConfigureAwait(false);
            try
            {
                return await join(answers).ConfigureAwait(false);
            }
            finally
            {
                foreach (var answer in answers) answer.Dispose();
            }
        }
        catch (Exception e) when (e is PeerException or MetricsPartException)
        {
            return await undivided().ConfigureAwait(false);
        }
    }

    // Over how many nodes, by what is known of the blocks without opening one.
    private int CountOf(Range range)
    {
        if (range.ShareBytes == 0 || _peers is not { Queriers.Count: > 0 and var others }) return 1;
        using var lease = state.Acquire();
        return CountOf(range, lease.View.SourcesOf(range.Tenants), 1 + others);
    }

    private static int CountOf(Range range, TraceSources sources, int nodes)
    {
        var bytes = sources.Blocks.Where(block => block.Meta.Overlaps(range.StartSeconds, range.EndSeconds))
            .Sum(static block => block.Meta.SizeBytes);
        return (int)Math.Min(nodes, bytes / range.ShareBytes);
    }

    // Fewer than two: not divided.
    private async Task<IReadOnlyList<SliceAssignment>> AssignAsync(
        Range range, Func<TraceSlice, SliceQuestion> ask, CancellationToken cancellation)
    {
        if (range.ShareBytes == 0 || _peers is not { Queriers: { Count: > 0 } queriers }) return [];
        var own = (_peers.Name, (IPeer?)null);
        List<(string Name, IPeer? Peer)> nodes = [own, .. queriers.Select(static peer => (peer.Name, (IPeer?)peer))];
        nodes.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        using var lease = state.Acquire();
        var sources = lease.View.SourcesOf(range.Tenants);
        var count = CountOf(range, sources, nodes.Count);
        if (count < 2) return [];
        var slices =
            await TraceSlices.DivideAsync(sources, range.StartSeconds, range.EndSeconds, count, cancellation).ConfigureAwait(false);

        // This node and those that follow it.
        var first = nodes.IndexOf(own);
        var taken =
            Enumerable.Range(first, slices.Count).Select(number => number % nodes.Count).Order().Select(number => nodes[number].Peer);
        return [.. taken.Zip(
            slices, (peer, slice) =>
                new SliceAssignment(peer, ask(slice) with { Hidden = sources.Hidden.Where(id => slice.Contains(id)).ToHashSet() }))];
    }

    /// <summary>
    /// What a query looks through: unix seconds, 0: no bound; and the least that a node is given of it, in bytes, 0: it is not divided.
    /// </summary>
    private readonly record struct Range(TenantSet Tenants, long StartSeconds, long EndSeconds, long ShareBytes);
}
