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
/// query to query. 4,000 pairs; <c>TEMPO_ORACLE_SEEDS=2000</c> makes it 100,000, for the night.
/// </summary>
public sealed class OracleTests
{
    private const int QueriesPerDataSet = 50;

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task FindsWhatANaiveEngineFinds(int seed)
    {
        var random = new Random(seed);
        var layout = Enum.GetValues<Layout>()[seed % 4];
        using var store = TestStore.OfSeed(seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), seed % 3 == 0 ? Dedicated() : null);
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
            var result = await TraceSearch.RunAsync(new SearchRequest { Query = query, Limit = limit, SpansPerSpanSet = 1000 }, sources, options, default);
            Assert.Equal("", result.Message);
            Assert.True(expected.SequenceEqual(result.Traces.Select(Text)), $"""
                seed {seed}, {layout}, {store}, {options.Kernel}, limit {limit}: {query}
                expected {string.Join("\n         ", expected)}
                found    {string.Join("\n         ", result.Traces.Select(Text))}
                """);
        }
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, SeedCount(80))];

    /// <summary>How many seeds: as many as the environment says, for long runs, else those of every run.</summary>
    internal static int SeedCount(int usual) => int.TryParse(Environment.GetEnvironmentVariable("TEMPO_ORACLE_SEEDS"), out var asked) ? asked : usual;

    private static string Text(TraceSearchResult trace) =>
        $"{trace.TraceId}: {NaiveEngine.Text(trace.SpanSets.Select(static set => set.Spans.Select(static s => s.SpanId.Value)))}";

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
