using Tempo.Engine.Query;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.TraceQL;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// Random metrics queries on random data, wherever the spans are: the engine counts what a naive evaluator counts. Layouts, block
/// versions, kernels and what is kept as in <see cref="OracleTests"/>; 1,200 pairs, and as many more as <c>TEMPO_ORACLE_SEEDS</c> says.
/// </summary>
public sealed class MetricsOracleTests
{
    private const int QueriesPerDataSet = 30;
    private const long MillisecondNano = 1_000_000;

    public static TheoryData<int> Seeds() => [.. OracleTests.SeedsOf(40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task CountsWhatANaiveEngineCounts(int seed)
    {
        var random = new Random(seed);
        var layout = TestStore.LayoutOf(seed);
        using var store = TestStore.OfSeed(
            seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), random.Next(3) == 0 ? OracleTests.Dedicated() : null);
        var spans = new RandomSpans(random, timeUnitNano: MillisecondNano).Next();
        var sources = await store.Sources(layout, spans);
        var queries = new RandomMetrics(random);
        KernelKind[] kernels = [.. KernelChoice.Supported];
        for (var tried = 0; tried < QueriesPerDataSet;)
        {
            var query = queries.Next();
            if (!TraceQlParser.TryParse(query, out _, out _)) continue;
            tried++;
            var (start, end, step) = RandomRange(random);
            // Nothing to look at in that time is answered without series, whatever the query; the naive engine has no such rule.
            if (sources.Live.Count == 0 && !sources.Blocks.Any(block => block.Meta.Overlaps(start / 1000, end / 1000))) continue;
            var expected = new NaiveMetrics(spans, start * MillisecondNano, end * MillisecondNano, step * MillisecondNano).Range(query);
            var request = new QueryRangeRequest
            {
                Query = query,
                StartUnixNano = (ulong)(start * MillisecondNano),
                EndUnixNano = (ulong)(end * MillisecondNano),
                StepNano = (ulong)(step * MillisecondNano)
            };
            var result = await MetricsQuery.RunAsync(request, sources, new MetricsLimits { Kernel = kernels[tried % kernels.Length] },
                DateTimeOffset.UnixEpoch.AddDays(30_000), threads: random.Next(1, 4), TestContext.Current.CancellationToken);
            Assert.Equal("", result.Message);
            var found = result.Series.Select(Text).Order(StringComparer.Ordinal).ToList();
            Assert.True(expected.SequenceEqual(found), $"""
                seed {seed}, {layout}, {store}, {kernels[tried % kernels.Length]}, from {start} to {end} by {step} ms: {query}
                expected {string.Join("\n         ", expected)}
                found    {string.Join("\n         ", found)}
                """);
        }
    }

    // Milliseconds. The spans of a trace start within 20, traces up to 4000 later; a small step parts the spans of one trace.
    private static (long Start, long End, long Step) RandomRange(Random random)
    {
        const long first = 1_700_000_000_000;
        if (random.Next(3) > 0)
            return (first + random.Next(-20, 3000), first + random.Next(3000, 5100), random.Next(2) == 0 ? 250 : random.Next(40, 5000));
        var start = first + random.Next(0, 5) * 1000 + random.Next(-5, 10);
        return (start, start + random.Next(5, 40), random.Next(2, 8));
    }

    private static string Text(TimeSeriesResult series) =>
        $"{NaiveMetrics.LabelText(series.Labels.Select(static l => (l.Key, l.Value)))} {string.Join(' ', series.Samples.Select(static s => NaiveMetrics.SampleText(s.TimestampMs, s.Value)))}";
}
