using Tempo.Engine.Query;
using Tempo.Host.Grpc.Querier;
using Xunit;

namespace Tempo.Host.Tests.Grpc;

public class MetricsProgressTests
{
    [Fact]
    public async Task WhatHasMovedIsToldAtEachTickUntilTheQueryEnds()
    {
        var (progress, running) = (new QueryProgress(), new TaskCompletionSource<int>());
        var sent = new List<(uint Completed, uint Total, ulong Bytes)>();
        var ticks = 0;
        var result = await MetricsMethods.WatchAsync(running.Task, progress, Tick, metrics =>
        {
            sent.Add((metrics.CompletedJobs, metrics.TotalJobs, metrics.InspectedBytes));
            return ValueTask.CompletedTask;
        });
        Assert.Equal(7, result);
        Assert.Equal([(0u, 3u, 0ul), (1u, 3u, 100ul), (3u, 3u, 300ul)], sent);

        // One tick before the jobs are known and one at which nothing has moved say nothing.
        Task Tick()
        {
            switch (++ticks)
            {
                case 2: progress.Begin(new SearchMetrics { TotalJobs = 3 }); break;
                case 3: progress.CompleteJob(100, 5); break;
                case 5:
                    progress.CompleteJob(100, 5);
                    progress.CompleteJob(100, 5);
                    break;
                case 6:
                    running.SetResult(7);
                    return Task.Delay(Timeout.Infinite);
            }

            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task WhatAQueryThrowsIsThrown() =>
        Assert.Equal("no", (await Assert.ThrowsAsync<QueryException>(() => MetricsMethods.WatchAsync(
            Task.FromException<int>(new QueryException(QueryErrorKind.BadRequest, "no")), new QueryProgress(), static () => Task.Delay(Timeout.Infinite), static _ => ValueTask.CompletedTask))).Message);
}
