using System.Globalization;
using System.Text.RegularExpressions;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Slices;

/// <summary>
/// Random metrics queries on random traces, wherever they lie, some of them hidden: what all slices count is what the whole counts. Of
/// functions whose samples can be put together: sums, the least and the greatest, and the counts of compare().
/// </summary>
public sealed partial class SlicedMetricsTests
{
    private const int QueriesPerDataSet = 12;
    private const long MillisecondNano = 1_000_000;

    public static TheoryData<int> Seeds() => [.. OracleTests.SeedsOf(36)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Counts_of_all_slices_are_those_of_the_whole(int seed)
    {
        var random = new Random(seed);
        var layout = TestStore.LayoutOf(seed);
        using var store = TestStore.OfSeed(
            seed, pageSpans: random.Next(1, 20), rowGroupSpans: random.Next(1, 40), random.Next(3) == 0 ? OracleTests.Dedicated() : null);
        var spans = new RandomSpans(random, timeUnitNano: MillisecondNano).Next();
        TraceId[] ids = [.. spans.Select(static span => span.TraceId).Distinct()];
        var sources = await store.Sources(layout, spans);
        if (random.Next(2) == 0) sources = sources with { Hidden = random.GetItems(ids, random.Next(1, 3)).ToHashSet() };
        var sets = await SliceSets.AllOf(sources, ids, random);
        var queries = new RandomMetrics(random);
        KernelKind[] kernels = [.. KernelChoice.Supported];
        for (var tried = 0; tried < QueriesPerDataSet;)
        {
            var query = queries.Next();
            if (!TraceQlParser.TryParse(query, out var parsed, out _) || JoinOf(parsed) is not { } join) continue;
            // All values of each attribute: which are the most frequent ones follows from all slices.
            if (query.IndexOf("| compare(", StringComparison.Ordinal) is >= 0 and var compare)
                query = $"{query[..query.LastIndexOf(',')]}, 1000)";
            var slices = sets[tried++ % sets.Count];
            var first = 1_700_000_000_000L + random.Next(-20, 3000);
            var request = new QueryRangeRequest
            {
                Query = $"{query} with(explain=true)",
                StartUnixNano = (ulong)(first * MillisecondNano),
                EndUnixNano = (ulong)((first + random.Next(20, 5000)) * MillisecondNano),
                StepNano = (ulong)(random.Next(5, 2000) * MillisecondNano),
            };
            var limits = new MetricsLimits { Kernel = kernels[tried % kernels.Length] };
            Task<QueryRangeResult> Run(TraceSlice? slice) =>
                MetricsQuery.RunAsync(request, sources with { Slice = slice }, limits, DateTimeOffset.UnixEpoch.AddDays(30_000),
                    threads: random.Next(1, 4), TestContext.Current.CancellationToken);

            // What blocks have in common is known of the whole, or is not, when a slice asks.
            var before = tried % 2 == 0 ? await Run(null) : null;
            var parts = new List<QueryRangeResult>();
            foreach (var slice in slices) parts.Add(await Run(slice));
            var whole = before ?? await Run(null);
            Assert.All(parts, static part => Assert.Equal("", part.Message));
            var expected = Texts(
                whole.Series.Select(
                    static series => (Labels(series), series.Samples.ToDictionary(static s => s.TimestampMs, static s => s.Value))));
            var found = Texts(parts.SelectMany(static part => part.Series).GroupBy(Labels).Select(same =>
                (same.Key, same.SelectMany(static series => series.Samples).GroupBy(static s => s.TimestampMs)
                    .ToDictionary(static at => at.Key, at => at.Select(static s => s.Value).Aggregate(join)))));
            Assert.True(expected.SequenceEqual(found), $"""
                seed {seed}, {layout}, {store}, {limits.Kernel}, {string.Join(' ', slices)}: {query}
                whole  {string.Join("\n       ", expected)}
                slices {string.Join("\n       ", found)}
                """);

            // None is looked at in a slice that is not its own.
            Assert.True(parts.Sum(WholeTraces) <= WholeTraces(whole),
                $"seed {seed}, {layout}, {store}: {query}\n{whole.Explanation}\n{string.Join('\n', parts.Select(static part => part.Explanation))}");
        }
    }

    // How two samples of two slices become one; null where they do not.
    private static Func<double, double, double>? JoinOf(TraceQlQuery query) =>
        query.Metrics is not MetricsPipeline pipeline ? null : pipeline.Stage switch
        {
            MetricsCompare => static (a, b) => a + b,
            MetricsFunction { Kind: MetricsFunctionKind.MinOverTime } => Math.Min,
            MetricsFunction { Kind: MetricsFunctionKind.MaxOverTime } => Math.Max,
            MetricsFunction
            {
                Kind: MetricsFunctionKind.AvgOverTime or MetricsFunctionKind.QuantileOverTime
                or MetricsFunctionKind.CountDistinct
            } => null,
            _ => static (a, b) => a + b,
        };

    private static string Labels(TimeSeriesResult series) => MetricsText.Of(series.Labels);

    private static List<string> Texts(IEnumerable<(string Labels, Dictionary<long, double> Samples)> series) =>
        [.. series.Select(static one => $"{one.Labels} {string.Join(' ', one.Samples.OrderBy(static s => s.Key).Select(static s => string.Create(CultureInfo.InvariantCulture, $"{s.Key}:{s.Value:G9}")))}").Order(StringComparer.Ordinal)];

    private static long WholeTraces(QueryRangeResult result) =>
        long.Parse(WholeTraceCount().Match(result.Explanation!).Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"whole traces looked at: (\d+)")]
    private static partial Regex WholeTraceCount();
}
