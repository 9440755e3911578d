using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Graph;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// A query whose client has gone does no further piece of work: each thread asks between two batches, pages or traces, and the questions
/// after the client has gone are counted.
/// </summary>
public sealed class ClientGoneTests
{
    private const int Threads = 3;
    private const uint Base = 1_700_000_000;
    private const ulong SecondNano = 1_000_000_000;

    public static TheoryData<string> Queries() =>
    [
        "search { }", "search { duration > 0ns } | count() > 0", "search { } >> { }", "search { .a = 1 } || { name =~ `o.*` }",
        "metrics { } | rate() by (name)", "metrics { } | quantile_over_time(duration, .9)",
        "metrics { } >> { } | rate()", "metrics { } | compare({ duration > 1us })", "names { kind = server }", "values { kind = server }",
        "graph",
    ];

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Work_ends_with_the_piece_at_hand(string query)
    {
        using var store = new TestStore(pageSpans: 2, rowGroupSpans: 6);
        var blocks = await store.Block(Spans(0));
        blocks.AddRange(await store.Block(Spans(20)));
        var sources = new TraceSources(TestStore.Live(Spans(40)), blocks);
        var all = new CountingSlots(int.MaxValue, null);
        await Run(query, sources, all, default);
        Assert.True(all.Count > 20, $"{all.Count} pieces");
        foreach (var at in new[] { 1, all.Count / 2, all.Count - 3 })
        {
            using var gone = new CancellationTokenSource();
            var slots = new CountingSlots(at, gone);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Run(query, sources, slots, gone.Token));
            Assert.InRange(slots.CountAfter, 0, Threads);
        }
    }

    private static Task Run(string text, TraceSources sources, IWorkerSlots slots, CancellationToken cancellation)
    {
        var (kind, query) = text.IndexOf(' ') is > 0 and var at ? (text[..at], text[(at + 1)..]) : (text, "");
        return kind switch
        {
            "search" =>
                TraceSearch.RunAsync(new SearchRequest { Query = query, Limit = 1000, SpansPerSpanSet = 3 }, sources,
                    new SearchOptions { MaxWorkers = Threads, Workers = slots }, cancellation),
            "metrics" => MetricsQuery.RunAsync(
                new QueryRangeRequest
                {
                    Query = query,
                    StartUnixNano = Base * SecondNano,
                    EndUnixNano = (Base + 3600) * SecondNano,
                    StepNano = 60 * SecondNano
                }, sources, new MetricsLimits(), DateTimeOffset.UtcNow, new QueryThreads(Threads, slots),
                        cancellation),
            "names" => TagNames.RunAsync(new TagNamesRequest { Query = query, Slots = slots }, sources, cancellation),
            "values" => TagValues.RunAsync(new TagValuesRequest { Name = "name", Query = query, Slots = slots }, sources, cancellation),
            _ => ServiceGraphQuery.RunAsync(
                new ServiceGraphRequest(Base * SecondNano, (Base + 3600) * SecondNano), sources, slots, cancellation),
        };
    }

    private static List<TestSpan> Spans(int from) =>
        [.. Enumerable.Range(from, 20).SelectMany(static trace => Enumerable.Range(1, 2).Select(span => new TestSpan
        {
            TraceId = new TraceId(1, (ulong)trace + 1),
            Id = (ulong)span,
            ParentId = (ulong)span - 1,
            Kind = 2,
            Name = $"op{span}",
            StartUnixNano = (Base + (ulong)trace) * SecondNano + (ulong)span,
            DurationNano = 1000,
            Resource = new TestResource([("service.name", "front")]),
            Attributes = [("a", 1L)],
        }))];

    /// <summary>The client goes away at the n-th piece of work; how many more begin is counted.</summary>
    private sealed class CountingSlots(int goesAt, CancellationTokenSource? client) : IWorkerSlots
    {
        private readonly Lock _lock = new();

        public int Count { get; private set; }

        /// <summary>Pieces that were about to begin after the client had gone.</summary>
        public int CountAfter { get; private set; }

        public int Take(int wanted) => Math.Min(wanted, Threads - 1);

        public void Return(int taken)
        {
        }

        public void Yield(CancellationToken cancellation)
        {
            lock (_lock)
            {
                if (client?.IsCancellationRequested == true) CountAfter++;
                if (++Count == goesAt) client!.Cancel();
            }

            cancellation.ThrowIfCancellationRequested();
        }
    }
}
