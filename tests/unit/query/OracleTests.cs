using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// Random queries on random data: the engine finds what a naive evaluator over plain objects finds, in the same order, in live data, in
/// blocks of both versions, with traces split over them and with copies, by every kernel, with all, little or nothing kept from
/// query to query. Of a trace also its root, times and services are compared. 4,000 pairs; <c>TEMPO_ORACLE_SEEDS=2000</c> makes it 100,000,
/// for the night.
/// </summary>
public sealed class OracleTests
{
    private const int QueriesPerDataSet = 50;

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task FindsWhatANaiveEngineFinds(int seed)
    {
        var random = new Random(seed);
        var layout = TestStore.LayoutOf(seed);
        using var store = TestStore.OfSeed(
            seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), random.Next(3) == 0 ? Dedicated() : null);
        var spans = new RandomSpans(random).Next();
        var sources = await store.Sources(layout, spans);
        var queries = new RandomQueries(random);
        KernelKind[] kernels = [.. KernelChoice.Supported];
        for (var tried = 0; tried < QueriesPerDataSet;)
        {
            var query = queries.Next();
            if (!TraceQlParser.TryParse(query, out _, out _)) continue;
            tried++;
            var limit = random.Next(2) == 0 ? 1000 : random.Next(1, 6);
            var expected = NaiveEngine.Search(query, spans, limit);
            var options = new SearchOptions { Kernel = kernels[tried % kernels.Length] };
            var result = await TraceSearch.RunAsync(
                new SearchRequest { Query = query, Limit = limit, SpansPerSpanSet = 1000 }, sources, options, default);
            Assert.Equal("", result.Message);
            Assert.True(expected.SequenceEqual(result.Traces.Select(Text)), $"""
                seed {seed}, {layout}, {store}, {options.Kernel}, limit {limit}: {query}
                expected {string.Join("\n         ", expected)}
                found    {string.Join("\n         ", result.Traces.Select(Text))}
                """);
        }
    }

    public static TheoryData<int> Seeds() => [.. SeedsOf(80)];

    /// <summary>As many seeds as the environment says, from where it says, for long runs, else those of every run.</summary>
    internal static IEnumerable<int> SeedsOf(int usual) =>
        Enumerable.Range(Asked("TEMPO_ORACLE_FROM") ?? 1, Asked("TEMPO_ORACLE_SEEDS") ?? usual);

    private static int? Asked(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), out var asked) ? asked : null;

    // As NaiveEngine.Search says it.
    private static string Text(TraceSearchResult trace)
    {
        var services = trace.ServiceStats.Select(static service => $"{service.ServiceName} {service.SpanCount} {service.ErrorCount}");
        var summary =
            NaiveEngine.Summary(trace.RootServiceName, trace.RootTraceName, trace.StartTimeUnixNano, trace.DurationNano, services);
        foreach (var set in trace.SpanSets) Assert.Equal((int)set.Matched, set.Spans.Length);
        return $"{trace.TraceId}: {summary}: {NaiveEngine.Text(trace.SpanSets.Select(static set => set.Spans.Select(static s => s.SpanId.Value)))}";
    }

    /// <summary>Columns for some keys of the random spans.</summary>
    internal static DedicatedColumns Dedicated()
    {
        DedicatedColumnSpec[] specs =
        [
            new(AttributeScope.Span, "dedicated", AttributeType.String, DedicatedColumnOptions.None),
            new(AttributeScope.Span, "list", AttributeType.String, DedicatedColumnOptions.Array),
            new(AttributeScope.Span, "count", AttributeType.Int, DedicatedColumnOptions.None),
            new(AttributeScope.Resource, "zone", AttributeType.String, DedicatedColumnOptions.None),
            new(AttributeScope.Event, "a", AttributeType.String, DedicatedColumnOptions.None),
        ];
        Assert.True(DedicatedColumns.TryCreate(specs, out var columns, out var error), error);
        return columns;
    }
}
