using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Host.Receivers;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// <c>MetricsQueryRange</c> and <c>MetricsQueryInstant</c>, server streaming. While the query runs, twice a second, how far it has come,
/// with what is new: of a range the samples of steps that are complete, each once; of an instant query the values of what has been
/// scanned, marked as partial, which the next ones replace. Then the rest of the answer, in packets. What the client did wrong is
/// UNKNOWN, as in Tempo.
/// </summary>
internal sealed class MetricsMethods(TempoNode node, TenantResolver tenants, QuerierOptions options, TimeProvider time)
{
    public IGrpcMethod[] All() =>
    [
        new StreamingMethod("MetricsQueryRange", call => ServeAsync(call, (asked, body) => AnswerRangeAsync(call, asked, body))),
        new StreamingMethod("MetricsQueryInstant", call => ServeAsync(call, (asked, body) => AnswerInstantAsync(call, asked, body))),
    ];

    private ValueTask<GrpcStatus> ServeAsync(GrpcCall call, Func<TenantSet, RequestBody, ValueTask<GrpcStatus>> answer) =>
        QuerierCall.ServeAsync(call, tenants, options.MaxReceiveBytes, GrpcStatusCode.Unknown, answer);

    private async ValueTask<GrpcStatus> AnswerRangeAsync(GrpcCall call, TenantSet asked, RequestBody body)
    {
        if (!MetricsMessages.TryReadRange(body.Buffer.Written, out var request, out var error))
            return new GrpcStatus(GrpcStatusCode.Internal, error);
        var (progress, increments, sent) = (new QueryProgress(), new SeriesIncrements(), new SentSamples());
        var running = Task.Run(
            () => node.QueryMetricsAsync(asked, request with { Progress = progress, Watcher = increments }, call.Cancellation),
            call.Cancellation);
        var result = await WatchAsync(running, progress, increments, (metrics, series) => SendAsync(sent.Take(series), metrics, ""))
            .ConfigureAwait(false);
        await SendAsync(sent.NotSent(result.Series), result.Metrics, result.Message).ConfigureAwait(false);
        return GrpcStatus.Ok;

        async ValueTask SendAsync(List<TimeSeriesResult> series, SearchMetrics metrics, string message) =>
            await PacketSender.SendAsync(call, series.Count,
                (first, output) => MetricsProtobuf.WritePacket(series, metrics, message, first, options.MaxPacketBytes, output))
                    .ConfigureAwait(false);
    }

    private async ValueTask<GrpcStatus> AnswerInstantAsync(GrpcCall call, TenantSet asked, RequestBody body)
    {
        if (!MetricsMessages.TryReadInstant(body.Buffer.Written, out var request, out var error))
            return new GrpcStatus(GrpcStatusCode.Internal, error);
        var (progress, increments) = (new QueryProgress(), new SeriesIncrements());
        var running = Task.Run(
            () => node.QueryMetricsAsync(asked, request with { Progress = progress, Watcher = increments }, call.Cancellation),
            call.Cancellation);
        var result = await WatchAsync(running, progress, increments, SendPartialAsync).ConfigureAwait(false);
        await SendAsync(result.Series, result.Metrics, result.Message).ConfigureAwait(false);
        return GrpcStatus.Ok;

        ValueTask SendPartialAsync(SearchMetrics metrics, IReadOnlyList<TimeSeriesResult> series) => SendAsync(
            [.. series.Select(static one => new InstantSeriesResult(one.Labels, one.Samples[0].Value))],
            metrics,
            series.Count == 0
                ? ""
                : $"The query is still running: {metrics.CompletedJobs} of {metrics.TotalJobs} jobs are done, the values are of these.");

        async ValueTask SendAsync(List<InstantSeriesResult> series, SearchMetrics metrics, string message) =>
            await PacketSender.SendAsync(call, series.Count,
                (first, output) => MetricsProtobuf.WritePacket(series, metrics, message, first, options.MaxPacketBytes, output))
                    .ConfigureAwait(false);
    }

    private async ValueTask<T> WatchAsync<T>(
        Task<T> running, QueryProgress progress, SeriesIncrements increments,
        Func<SearchMetrics, IReadOnlyList<TimeSeriesResult>, ValueTask> send)
    {
        using var timer = new PeriodicTimer(QuerierOptions.EmitInterval, time);
        return await WatchAsync(running, progress, increments, () => timer.WaitForNextTickAsync(CancellationToken.None).AsTask(), send)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Tells at each tick how far a query has come and what it has counted, if it has moved, until it ends; its result, or what it
    /// threw. The query is asked for values from the first tick on: one that ends before is not stopped for any.
    /// </summary>
    internal static async Task<T> WatchAsync<T>(
        Task<T> running, QueryProgress progress, SeriesIncrements increments, Func<Task> nextTick,
        Func<SearchMetrics, IReadOnlyList<TimeSeriesResult>, ValueTask> send)
    {
        for (var last = new SearchMetrics(); ;)
        {
            if (await Task.WhenAny(running, nextTick()).ConfigureAwait(false) == running) return await running.ConfigureAwait(false);
            var (now, given) = (progress.Read(), increments.Take());
            increments.Ask();
            if (given is null && now.TotalJobs == last.TotalJobs && now.CompletedJobs == last.CompletedJobs) continue;
            last = now;
            await send(now, given ?? []).ConfigureAwait(false);
        }
    }
}
