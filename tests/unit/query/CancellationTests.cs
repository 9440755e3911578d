using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// A query whose client is gone ends soon: between pages and traces, and here, where one page or one trace is large or a condition
/// long, every so many rows. Nothing is timed: the rows between two questions are counted.
/// </summary>
public sealed class CancellationTests
{
    [Fact]
    public void RowsThatAreTriedOneByOneArePolledFor()
    {
        using var gone = new CancellationTokenSource();
        gone.Cancel();
        var live = TestStore.Live(Many(FilterScope.RowsBetweenPolls * 3));
        var view = live.MaxBy(static view => view.SpanCount);
        var rows = new int[view.SpanCount];
        var filter = SpanFilter.Create(Condition("{ span.n + 1 > 0 }"));
        Assert.Equal(view.SpanCount, filter.Select(view.Columns, view.SpanCount, rows));
        filter.Watch(gone.Token);
        Assert.Throws<OperationCanceledException>(() => filter.Select(view.Columns, view.SpanCount, rows));
        // Few rows are not worth the question.
        filter.Select(view.Columns, FilterScope.RowsBetweenPolls / 2, rows);
    }

    [Theory]
    [InlineData("{ span.a = 1 || span.b = 2 }")]
    [InlineData("{ duration > 0s && span.n > 0 }")]
    public void PartsOfAConditionArePolledBetween(string query)
    {
        using var gone = new CancellationTokenSource();
        gone.Cancel();
        var view = TestStore.Live(Many(10))[0];
        var filter = SpanFilter.Create(Condition(query));
        filter.Watch(gone.Token);
        Assert.Throws<OperationCanceledException>(() => filter.Select(view.Columns, view.SpanCount, new int[view.SpanCount]));
    }

    [Theory]
    [InlineData("{ span.n > 0 }")]
    [InlineData("{ } >> { span.n = 3 }")]
    [InlineData("{ } | by(span.n)")]
    [InlineData("{ } | avg(span.n) > 0")]
    public void TheSpansOfOneLargeTraceArePolledFor(string query)
    {
        using var gone = new CancellationTokenSource();
        gone.Cancel();
        var sources = new TraceSources(TestStore.Live(Many(FilterScope.RowsBetweenPolls * 3)), []);
        var loader = new TraceLoader(QueryBlocks.Of(sources), BatchColumns.All, manyTraces: true);
        var trace = loader.Load(new TraceId(1, 1))!;
        var plan = SearchPlan.Create(SearchPlan.Parse(query), KernelChoice.Current);
        Assert.NotEmpty(plan.Source!.Run(trace));
        plan.Watch(gone.Token);
        Assert.Throws<OperationCanceledException>(() => plan.Source.Run(trace));
    }

    [Fact]
    public void TheSpansThatAreListedArePolledFor()
    {
        using var gone = new CancellationTokenSource();
        gone.Cancel();
        var sources = new TraceSources(TestStore.Live(Many(FilterScope.RowsBetweenPolls * 3)), []);
        var trace = new TraceLoader(QueryBlocks.Of(sources), BatchColumns.All, manyTraces: true).Load(new TraceId(1, 1))!;
        var plan = SearchPlan.Create(SearchPlan.Parse("{ span.n > 0 }"), KernelChoice.Current);
        var sets = plan.Source!.Run(trace);
        var describer = new TraceDescriber(plan);
        Assert.Equal(trace.SpanCount, describer.Describe(trace, sets, int.MaxValue).SpanSets[0].Spans.Length);
        plan.Watch(gone.Token);
        Assert.Throws<OperationCanceledException>(() => describer.Describe(trace, sets, int.MaxValue));
    }

    [Theory]
    [InlineData("{ event.a = 1 }")]
    [InlineData("{ event.a = link.a }")]
    public void TheEventsOfOneSpanArePolledFor(string query)
    {
        using var gone = new CancellationTokenSource();
        gone.Cancel();
        var view = TestStore.Live([WithEvents(FilterScope.RowsBetweenPolls * 3, links: 1)])[0];
        var plan = SearchPlan.Create(SearchPlan.Parse(query), KernelChoice.Current);
        var trace = new TraceLoader(QueryBlocks.Of(new TraceSources([view], [])), BatchColumns.All, manyTraces: true)
            .Load(new TraceId(1, 1))!;
        Assert.Empty(plan.Source!.Run(trace));
        plan.Watch(gone.Token);
        Assert.Throws<OperationCanceledException>(() => plan.Source.Run(trace));

        // On columns only what needs both is tried event by event.
        var rows = SpanFilter.Create(Condition("{ event.a = link.a }"));
        Assert.Equal(0, rows.Select(view.Columns, 1, new int[1]));
        rows.Watch(gone.Token);
        Assert.Throws<OperationCanceledException>(() => rows.Select(view.Columns, 1, new int[1]));
    }

    private static TestSpan WithEvents(int events, int links) => Many(1).Single() with
    {
        Events = [.. Enumerable.Range(0, events).Select(static i => new TestEvent("e", (ulong)i, []))],
        Links = [.. Enumerable.Range(0, links).Select(static i => new TestLink(new TraceId(2, 2), (ulong)i + 1, []))],
    };

    private static FieldExpression Condition(string query) =>
        ((SpansetFilter)((Pipeline)SearchPlan.Parse(query)!.SearchPipeline).Stages[0]).Condition;

    private static IEnumerable<TestSpan> Many(int count) => Enumerable.Range(1, count).Select(static i => new TestSpan
    {
        TraceId = new TraceId(1, 1),
        Id = (ulong)i,
        ParentId = (ulong)(i / 2),
        Name = "s",
        StartUnixNano = 1_700_000_000_000_000_000 + (ulong)i,
        DurationNano = 5,
        Resource = new TestResource([("service.name", "front")]),
        Attributes = [("n", (long)i)],
    });
}
