using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

public sealed class OrderedTraceTests
{
    [Fact]
    public void Equal_resources_and_scopes_of_several_batches_stand_together()
    {
        var first = Spans.Append(
            Spans.Request(Spans.Of("a", "x", Spans.New(1)), Spans.Of("b", "x", Spans.New(2))),
            Spans.Request(Spans.Of("a", "y", Spans.New(3))));
        var second = Spans.Append(Spans.Request(Spans.Of("b", "x", Spans.New(4)), Spans.Of("a", "x", Spans.New(5))));

        var trace = Spans.Trace(first, second);

        Assert.Equal(["1", "5", "3", "2", "4"], Enumerable.Range(0, 5).Select(i => trace.Name(i)));
        Assert.Equal([2, 0, 1, 2, 0], trace.Starts.Take(5));
    }

    /// <summary>
    /// The first two would look alike if items and attributes were numbered as they stand one behind the other, without a count.
    /// </summary>
    [Fact]
    public void Resources_that_differ_in_where_an_array_ends_stay_apart()
    {
        var longer = WithArray("k", "x", "y", "\u0001", "");
        var shorter = WithArray("k", "x");
        shorter.Resource.Attributes.Add(Spans.Text("y", "\u0000"));
        var empty = WithArray("k");

        var trace = Spans.Trace(
            Spans.Append(Spans.Request(longer, shorter, empty)), Spans.Append(Spans.Request(WithArray("m", "z"), WithArray("k"))));

        Assert.Equal(4, trace.Starts.Take(trace.SpanCount).Count(static start => start == 2));
    }

    [Fact]
    public void Of_duplicates_the_first_to_start_is_kept_and_of_those_the_longest()
    {
        var unfinished = Spans.New(1, start: 50, duration: 0);
        var finished = Spans.New(1, start: 50, duration: 9);
        var late = Spans.New(1, start: 51, duration: 100);
        var otherKind = Spans.New(1, start: 60, kind: Spans.Server);

        foreach (var order in new Span[][] { [unfinished, finished, late, otherKind], [otherKind, late, finished, unfinished] })
        {
            var trace = Spans.Trace([.. order.Select(span => Spans.Append(Spans.Request(Spans.Of("s", "l", span))))]);
            Assert.Equal(2, trace.DuplicateCount);
            Assert.Equal([9ul, 10], Enumerable.Range(0, 2).Select(i => trace.Batch(i).DurationNano[trace.Spans[i].Span]));
        }
    }

    /// <summary>Found by the oracle: spans grouped by resource, as a block has them, named another root than spans by time.</summary>
    [Fact]
    public void Of_roots_that_start_together_the_last_by_id_counts_in_whatever_order_the_spans_are()
    {
        var (one, two, three) = (Spans.New(1, start: 50), Spans.New(2, start: 50), Spans.New(3, start: 50));
        var trace = Spans.Trace(Spans.Append(Spans.Request(Spans.Of("a", "x", one), Spans.Of("b", "x", two), Spans.Of("a", "x", three))));
        Assert.Equal(3ul, trace.Id(trace.Root));
        trace.Begin(trace.Id);
        for (var row = 0; row < 3; row++) trace.Add(new SpanRef(0, row));
        trace.CompleteByTime(numberTree: false);
        Assert.Equal(3ul, trace.Id(trace.Root));
    }

    /// <summary>A cut turns live data into a block, which may stand before or behind the other; the answer stays.</summary>
    [Fact]
    public void Of_duplicates_that_differ_in_content_alone_the_same_is_kept_from_wherever_they_come()
    {
        var (one, two, failed) = (Spans.New(1), Spans.New(1), Spans.New(2));
        (one.Name, two.Name) = ("one", "two");
        failed.Status = new Status { Code = SpanBatch.StatusError };
        foreach (var order in new Span[][] { [one, two, failed, Spans.New(2)], [Spans.New(2), failed, two, one] })
        {
            var trace = Spans.Trace([.. order.Select(span => Spans.Append(Spans.Request(Spans.Of("s", "l", span))))]);
            Assert.Equal("one", trace.Name(0));
            Assert.Equal(SpanBatch.StatusError, trace.Batch(1).Status[trace.Spans[1].Span] & SpanBatch.StatusCodeMask);
        }
    }

    [Fact]
    public void The_root_is_the_last_to_start_without_a_parent_and_without_a_parent_link()
    {
        var linked = Spans.New(3, start: 30);
        linked.Links.Add(new Link
        {
            TraceId = linked.TraceId,
            SpanId = Spans.New(1).SpanId,
            Attributes = { Spans.Text("opentracing.ref_type", "child_of") }
        });
        var trace = Spans.Trace(Spans.New(2, start: 20), Spans.New(1, start: 10), linked, Spans.New(4, parent: 1, start: 40, duration: 5));
        Assert.Equal(2ul, trace.Id(trace.Root));
        Assert.Equal((10ul, 45ul), (trace.StartUnixNano, trace.EndUnixNano));
        Assert.Equal(-1, Spans.Trace(Spans.New(1, parent: 9)).Root);
    }

    /// <summary>Every span with a scope of its own: what a grouping that searches its groups would take minutes for.</summary>
    [Fact]
    public void Many_scopes_in_one_trace_are_grouped()
    {
        const int Count = 60_000;
        var requests = Enumerable.Range(0, Count).Select(i => Spans.Of("s", "scope" + i % (Count / 2), Spans.New((ulong)i + 1)))
            .Chunk(10_000).Select(Spans.Request);
        var trace = Spans.Trace(Spans.Append([.. requests]));
        var starts = trace.Starts.Take(Count).ToArray();
        Assert.Equal((1, Count / 2 - 1), (starts.Count(static s => s == 2), starts.Count(static s => s == 1)));
        Assert.Equal((1ul, Count / 2 + 1ul, 2ul), (trace.Id(0), trace.Id(1), trace.Id(2)));
    }

    private static ulong _lastId = 100;

    private static ResourceSpans WithArray(string key, params string[] items)
    {
        var spans = Spans.Of("s", "l", Spans.New(++_lastId));
        var array = new ArrayValue();
        array.Values.AddRange(items.Select(static item => new AnyValue { StringValue = item }));
        spans.Resource.Attributes.Add(new KeyValue { Key = key, Value = new AnyValue { ArrayValue = array } });
        return spans;
    }
}
