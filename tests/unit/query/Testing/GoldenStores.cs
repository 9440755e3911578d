using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;

namespace Tempo.Query.Tests.Testing;

/// <summary>The golden traces in all layouts.</summary>
public sealed class GoldenStores : IAsyncLifetime
{
    /// <summary>The range, limit and spans per set of the specification's cases.</summary>
    public static readonly SearchRequest Everything = new()
    {
        StartSeconds = GoldenTraces.BaseSeconds - 5,
        EndSeconds = GoldenTraces.BaseSeconds + 50,
        Limit = 100,
        SpansPerSpanSet = 100,
    };

    private readonly TestStore _store = new();
    private readonly Dictionary<Layout, TraceSources> _sources = [];

    public async ValueTask InitializeAsync()
    {
        foreach (var layout in Enum.GetValues<Layout>()) _sources.Add(layout, await _store.Sources(layout, GoldenTraces.Spans));
    }

    public ValueTask DisposeAsync()
    {
        _store.Dispose();
        return ValueTask.CompletedTask;
    }

    public Task<SearchResult> Search(Layout layout, SearchRequest request, SearchOptions? options = null) =>
        TraceSearch.RunAsync(request, _sources[layout], options ?? new SearchOptions(), TestContext.Current.CancellationToken);

    public Task<QueryRangeResult> QueryRange(
        Layout layout, QueryRangeRequest request, MetricsLimits? limits = null, DateTimeOffset? now = null,
        CancellationToken? cancellation = null) =>
        MetricsQuery.RunAsync(request, _sources[layout], limits ?? new MetricsLimits(), now ?? LongAfter, threads: 2,
            cancellation ?? TestContext.Current.CancellationToken);

    public Task<QueryInstantResult> QueryInstant(
        Layout layout, QueryInstantRequest request, MetricsLimits? limits = null, DateTimeOffset? now = null) =>
            MetricsQuery.RunAsync(request, _sources[layout], limits ?? new MetricsLimits(), now ?? LongAfter, threads: 2,
                TestContext.Current.CancellationToken);

    private static readonly DateTimeOffset LongAfter = DateTimeOffset.FromUnixTimeSeconds(GoldenTraces.BaseSeconds).AddDays(30);
}
