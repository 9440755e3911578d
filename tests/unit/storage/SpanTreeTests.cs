using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

/// <summary>The nested-set numbers of storage specification §4.7, worked out by hand.</summary>
public sealed class SpanTreeTests
{
    /// <summary>
    /// <code>
    /// 1           1..10
    /// ├─ 2        2..7
    /// │  ├─ 4     3..4
    /// │  └─ 5     5..6
    /// └─ 3        8..9
    /// 9           11..12   another root
    /// 7 under 99  0..0     an orphan, and 8 below it
    /// </code>
    /// </summary>
    [Fact]
    public void Numbers_go_depth_first_and_skip_what_no_root_leads_to() => AssertTree(
        [Spans.New(5, 2), Spans.New(9), Spans.New(8, 7), Spans.New(1), Spans.New(3, 1), Spans.New(7, 99), Spans.New(2, 1), Spans.New(4, 2)],
        (1, 1, 10, -1, 2), (2, 2, 7, 1, 2), (3, 8, 9, 1, 0), (4, 3, 4, 2, 0), (5, 5, 6, 2, 0), (7, 0, 0, 0, 1), (8, 0, 0, 0, 0),
        (9, 11, 12, -1, 0));

    [Fact]
    public void Without_a_root_all_numbers_are_zero() => AssertTree([Spans.New(1, 9), Spans.New(2, 1)], (1, 0, 0, 0, 1), (2, 0, 0, 0, 0));

    [Fact]
    public void Cycles_and_spans_that_are_their_own_parent_are_never_reached() => AssertTree(
        [Spans.New(1), Spans.New(2, 3), Spans.New(3, 4), Spans.New(4, 2), Spans.New(5, 5)],
        (1, 1, 2, -1, 0), (2, 0, 0, 0, 1), (3, 0, 0, 0, 1), (4, 0, 0, 0, 1), (5, 0, 0, 0, 0));

    /// <summary>Zipkin: both halves have id 2 and parent 1; the children of the call hang below the server's half.</summary>
    [Fact]
    public void A_shared_id_is_a_client_with_its_server_below()
    {
        var trace = Spans.Trace(
            Spans.New(1, kind: Spans.Server, start: 1000),
            Spans.New(2, 1, Spans.Client, start: 1001),
            Spans.New(2, 1, Spans.Server, start: 1002),
            Spans.New(3, 2, Spans.Internal, start: 1003));

        Assert.Equal([1ul, 2, 2, 3], Enumerable.Range(0, 4).Select(i => trace.Id(i)));
        Assert.Equal([1, 2, 3, 4], trace.Left.ToArray());
        Assert.Equal([8, 7, 6, 5], trace.Right.ToArray());
        Assert.Equal([-1, 1, 2, 3], trace.Parent.ToArray());
        Assert.Equal([1, 1, 1, 0], trace.ChildCount.ToArray());
        Assert.Equal([-1, 0, 1, 2], trace.ParentIndex.ToArray());
    }

    [Fact]
    public void An_id_that_stands_three_times_leaves_the_trace_without_numbers()
    {
        var trace =
            Spans.Trace(Spans.New(1), Spans.New(2, 1, Spans.Internal), Spans.New(2, 1, Spans.Server), Spans.New(2, 1, Spans.Client));
        Assert.Equal(4, trace.SpanCount);
        Assert.True(trace.Left.ToArray().Concat(trace.Right.ToArray()).Concat(trace.Parent.ToArray()).All(static number => number == 0));
    }

    [Fact]
    public void A_chain_of_a_hundred_thousand_needs_no_stack()
    {
        const int Count = 100_000;
        var trace = Spans.Trace([.. Enumerable.Range(1, Count).Select(static i => Spans.New((ulong)i, (ulong)i - 1))]);
        Assert.Equal(Enumerable.Range(1, Count), trace.Left.ToArray());
        Assert.Equal(Enumerable.Range(Count + 1, Count).Reverse(), trace.Right.ToArray());
    }

    private static void AssertTree(Span[] spans, params (ulong Id, int Left, int Right, int Parent, int ChildCount)[] expected)
    {
        var trace = Spans.Trace(spans);
        var actual = Enumerable.Range(0, trace.SpanCount)
            .Select(i => (trace.Id(i), trace.Left[i], trace.Right[i], trace.Parent[i], trace.ChildCount[i]))
            .OrderBy(static node => node.Item1);
        Assert.Equal(expected, actual);
    }
}
