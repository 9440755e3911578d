using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Xunit;

namespace Tempo.Host.Tests.Overrides;

public class TraceBookTests
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5);
    private readonly ManualTime _time = new();

    private static TraceId Id(int n) => new(7, (ulong)n);

    private static TraceRun[] Runs(params (int Trace, int Bytes)[] runs) => [.. runs.Select(r => new TraceRun(Id(r.Trace), r.Bytes, 1))];

    [Fact]
    public void ATraceTooLargeIsRefusedWholeInTheRequestThatMakesItSo()
    {
        var book = new TraceBook(_time);
        Assert.Null(book.Admit(Runs((1, 60), (2, 60), (1, 40)), 100, 0, Idle));
        var refused = book.Admit(Runs((1, 1), (2, 40)), 100, 0, Idle);
        Assert.Equal([Id(1)], refused!.Traces);
        Assert.Equal((1, 0), (refused.TooLargeSpans, refused.LiveTracesExceededSpans));

        // What is refused does not count; trace 2 is full to the byte now.
        Assert.NotNull(book.Admit(Runs((2, 1)), 100, 0, Idle));
        Assert.Null(book.Admit(Runs((1, 0)), 100, 0, Idle));

        // Remembered after the trace went quiet, for a while.
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.NotNull(book.Admit(Runs((2, 1)), 100, 0, Idle));
    }

    [Fact]
    public void LiveTracesAreCountedUntilTheyAreIdle()
    {
        var book = new TraceBook(_time);
        Assert.Null(book.Admit(Runs((1, 1), (2, 1)), 0, 2, Idle));
        var refused = book.Admit(Runs((3, 1), (1, 1), (3, 1), (4, 1)), 0, 2, Idle);
        Assert.Equal(3, refused!.LiveTracesExceededSpans);
        Assert.Equal([Id(3), Id(4)], refused.Traces.Order());
        Assert.Equal(2, book.LiveCount);

        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Null(book.Admit(Runs((3, 1), (4, 1)), 0, 2, Idle));
        Assert.NotNull(book.Admit(Runs((1, 1)), 0, 2, Idle));
    }

    [Fact]
    public void WhatWasNotStoredIsTakenBack()
    {
        var book = new TraceBook(_time);
        var runs = Runs((1, 80));
        Assert.Null(book.Admit(runs, 100, 0, Idle));
        book.TakeBack(runs, null);
        Assert.Null(book.Admit(runs, 100, 0, Idle));
        Assert.NotNull(book.Admit(runs, 100, 0, Idle));
    }

    [Fact]
    public void ATraceOfWhichNothingWasStoredIsNotLive()
    {
        var book = new TraceBook(_time);
        Assert.Null(book.Admit(Runs((1, 5)), 0, 2, Idle));
        var runs = Runs((1, 5), (2, 5), (2, 3));
        Assert.Null(book.Admit(runs, 0, 2, Idle));
        book.TakeBack(runs, null);
        Assert.Equal(1, book.LiveCount);
        Assert.Null(book.Admit(Runs((3, 1)), 0, 2, Idle));
        Assert.NotNull(book.Admit(Runs((2, 1)), 0, 2, Idle));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(book.Admit(Runs((3, 1)), 0, 2, Idle));
        Assert.Equal(2, book.LiveCount); // counted anew
    }

    [Fact]
    public void AFloodOfNewTracesIsNotWrittenDown()
    {
        var book = new TraceBook(_time);
        Assert.Null(book.Admit(Runs((1, 1)), 0, 1, Idle));
        var flood = Enumerable.Range(2, 100_000).Select(static n => new TraceRun(Id(n), 1, 2)).ToArray();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(200_000, book.Admit(flood, 0, 1, Idle)!.LiveTracesExceededSpans);
        Assert.Equal(1, book.LiveCount);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20);
    }

    [Fact]
    public void RunsOfFewTracesTakeNoRoomForMany()
    {
        var book = new TraceBook(_time);
        var alternating = Enumerable.Range(0, 1_000_000).Select(static n => new TraceRun(Id(n % 2), 1, 1)).ToArray();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(book.Admit(alternating, 5_000_000, 10_000, Idle));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 10);
        Assert.Equal(2, book.LiveCount);
        Assert.True(book.Capacity <= 16, $"room for {book.Capacity} traces");
    }

    [Fact]
    public void BeyondTheBoundTheOldestAreForgotten()
    {
        var book = new TraceBook(_time);
        const int step = TraceBook.MaxEntries / 8;
        for (var request = 0; request < 20; request++)
        {
            Assert.Null(book.Admit(Many(request * step, step), 100, 0, Idle));
            Assert.True(book.Count <= TraceBook.MaxEntries, $"{book.Count} traces");
            Assert.True(book.Capacity <= TraceBook.MaxEntries, $"room for {book.Capacity} traces");
            _time.Advance(TimeSpan.FromMilliseconds(10));
        }

        // The newest are as full as they were; the first may grow again.
        Assert.Equal(step, book.Admit(Many(19 * step, step), 100, 0, Idle)!.TooLargeSpans);
        Assert.Null(book.Admit(Many(0, 1), 100, 0, Idle));
    }

    [Fact]
    public void ARequestOfMoreTracesThanTheBoundIsJudgedWhole()
    {
        var book = new TraceBook(_time);
        const int traces = TraceBook.MaxEntries + 1000;
        var refused = book.Admit([.. Many(0, traces), .. Many(0, traces)], 100, 0, Idle);
        Assert.Equal(2 * traces, refused!.TooLargeSpans);
        Assert.True(book.Count <= TraceBook.MaxEntries, $"{book.Count} traces");
        Assert.True(book.Capacity <= TraceBook.MaxEntries, $"room for {book.Capacity} traces");

        Assert.Null(book.Admit(Many(0, traces), 100, 0, Idle));
        Assert.Equal(TraceBook.MaxEntries / 2, book.Count);
        Assert.True(book.Capacity <= TraceBook.MaxEntries, $"room for {book.Capacity} traces");
    }

    [Fact]
    public void TheTablesBecomeSmallAgain()
    {
        var book = new TraceBook(_time);
        book.Admit(Many(0, 200_000), 100, 0, Idle);
        Assert.True(book.Capacity >= 200_000);
        _time.Advance(TimeSpan.FromMinutes(6));
        book.Trim();
        Assert.Equal(0, book.Count);
        Assert.True(book.Capacity <= 16, $"room for {book.Capacity} traces");
        Assert.Null(book.Admit(Many(0, 200_000), 100, 0, Idle));
    }

    private static TraceRun[] Many(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(static n => new TraceRun(Id(n), 60, 1))];

    /// <summary>Against a dictionary of sizes, over more traces than the first tables hold.</summary>
    [Fact]
    public void RandomRequestsAreJudgedAsByADictionary()
    {
        const int seed = 20261128, maxBytes = 500;
        var random = new Random(seed);
        var book = new TraceBook(_time);
        var sizes = new Dictionary<int, long>();
        for (var request = 0; request < 2000; request++)
        {
            var runs =
                Enumerable.Range(0, random.Next(1, 20)).Select(_ => (Trace: random.Next(1, 3000), Bytes: random.Next(1, 60))).ToArray();
            var refused = book.Admit(Runs(runs), maxBytes, 0, Idle);
            var expected = new HashSet<TraceId>();
            foreach (var trace in runs.GroupBy(static r => r.Trace))
            {
                var size = sizes.GetValueOrDefault(trace.Key) + trace.Sum(static r => r.Bytes);
                if (size > maxBytes) expected.Add(Id(trace.Key));
                else sizes[trace.Key] = size;
            }

            Assert.True(expected.SetEquals(refused?.Traces ?? []), $"seed {seed}, request {request}");
        }
    }
}
