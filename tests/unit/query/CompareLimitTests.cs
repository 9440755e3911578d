using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Nothing runs beside: it counts what the process allocates.</summary>
[CollectionDefinition(nameof(CompareLimitTests), DisableParallelization = true)]
public sealed class AloneInTheProcess;

/// <summary>compare() and more attributes than it counts.</summary>
[Collection(nameof(CompareLimitTests))]
public sealed class CompareLimitTests : IDisposable
{
    private const ulong SecondNano = 1_000_000_000;
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    /// <summary>
    /// A hundred thousand attributes on one span, the first that is met: they take no memory, and what the other spans have is compared all
    /// the same.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Compare_goes_on_beside_a_span_of_too_many_attributes(bool isLive)
    {
        const int attributes = 100_000, limit = 1000;
        var ordinary = Enumerable.Range(1, 3).Select(
            static i => GoldenTraces.Spans[0] with
            {
                TraceId = new TraceId(9, (ulong)i),
                Attributes = [("tier", i == 1 ? "gold" : "base")]
            }).ToList();
        var hostile = GoldenTraces.Spans[0] with
        {
            StartUnixNano = GoldenTraces.Spans[0].StartUnixNano + 1_000_000_000,
            Attributes = [.. Enumerable.Range(0, attributes).Select(static i => ($"k{i}", (object)"v"))]
        };
        var blocks = new List<BlockHandle>();
        if (!isLive) blocks.AddRange(await _store.Block([hostile]));
        foreach (var span in ordinary) blocks.AddRange(await _store.Block([span]));
        var sources = new TraceSources(isLive ? TestStore.Live([hostile]) : [], blocks);
        const string query = "{} | compare({ name = \"x\" })";
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var result = await RunAsync(query, sources, new MetricsLimits { MaxComparedAttributes = limit, MaxResponseSeries = 0 });
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.StartsWith("compare() met more than 500 different attributes, of which it counts at most 1000: ", result.Message,
            StringComparison.Ordinal);
        Assert.Contains(result.Series, static series => series.Labels.Any(static label => label is { Key: "span.tier", Value: "base" }));
        Assert.InRange(result.Series.SelectMany(static series => series.Labels)
            .Where(static label => label.Key.StartsWith("span.k", StringComparison.Ordinal)).Select(static label => label.Key).Distinct()
            .Count(), 400, 500);

        // The names of a page are read and numbered; nothing is made for each.
        Assert.True(allocated < attributes * 300L, $"{allocated} bytes");
        Assert.Equal("", (await RunAsync(
            query, new TraceSources([], [.. blocks.TakeLast(3)]), new MetricsLimits { MaxComparedAttributes = limit })).Message);
    }

    // One thread: it meets the hostile span first, and the others after it.
    private static Task<QueryRangeResult> RunAsync(string query, TraceSources sources, MetricsLimits limits)
    {
        var start = (ulong)GoldenTraces.BaseSeconds * SecondNano;
        return MetricsQuery.RunAsync(
            new QueryRangeRequest
            {
                Query = query,
                StartUnixNano = start,
                EndUnixNano = start + 40 * SecondNano,
                StepNano = 10 * SecondNano
            },
            sources, limits, DateTimeOffset.UnixEpoch.AddDays(30_000), threads: 1, TestContext.Current.CancellationToken);
    }
}
