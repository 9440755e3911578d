using Tempo.Engine.Query;
using Tempo.Host.Grpc.Querier;
using Xunit;

namespace Tempo.Host.Tests.Grpc;

public class MetricsProgressTests
{
    [Fact]
    public async Task WhatHasMovedIsToldAtEachTickUntilTheQueryEnds()
    {
        var (progress, increments, running) = (new QueryProgress(), new SeriesIncrements(), new TaskCompletionSource<int>());
        var sent = new List<(uint Completed, uint Total, ulong Bytes, int Series)>();
        var ticks = 0;
        var result = await MetricsMethods.WatchAsync(running.Task, progress, increments, Tick, (metrics, series) =>
        {
            sent.Add((metrics.CompletedJobs, metrics.TotalJobs, metrics.InspectedBytes, series.Count));
            return ValueTask.CompletedTask;
        });
        Assert.Equal(7, result);
        Assert.Equal([(0u, 3u, 0ul, 0), (1u, 3u, 100ul, 1), (1u, 3u, 100ul, 2), (3u, 3u, 300ul, 0)], sent);

        // One tick before the jobs are known and one at which nothing has moved say nothing. What is given is taken once, and asked
        // for again.
        Task Tick()
        {
            Assert.Equal(++ticks > 1, increments.IsWanted);
            switch (ticks)
            {
                case 2: progress.Begin(new SearchMetrics { TotalJobs = 3 }); break;
                case 3:
                    progress.CompleteJob(100, 5);
                    increments.Give([Series()]);
                    Assert.False(increments.IsWanted);
                    break;
                case 4: increments.Give([Series(), Series()]); break;
                case 6:
                    progress.CompleteJob(100, 5);
                    progress.CompleteJob(100, 5);
                    break;
                case 7:
                    running.SetResult(7);
                    return Task.Delay(Timeout.Infinite);
            }

            return Task.CompletedTask;
        }

        static TimeSeriesResult Series() => new() { Labels = [] };
    }

    [Fact]
    public async Task WhatAQueryThrowsIsThrown() =>
        Assert.Equal("no", (await Assert.ThrowsAsync<QueryException>(() => MetricsMethods.WatchAsync(
            Task.FromException<int>(new QueryException(QueryErrorKind.BadRequest, "no")), new QueryProgress(), new SeriesIncrements(),
            static () => Task.Delay(Timeout.Infinite), static (_, _) => ValueTask.CompletedTask))).Message);
}
