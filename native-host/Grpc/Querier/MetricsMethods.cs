using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Host.Receivers;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// <c>MetricsQueryRange</c> and <c>MetricsQueryInstant</c>, server streaming: while the query runs, how far it has come, twice a
/// second, in messages without series; then the answer, in packets. The engine decides on all spans of a step at once, so no
/// value is certain before; what the client did wrong is UNKNOWN, as in Tempo.
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
        if (!MetricsMessages.TryReadRange(body.Buffer.Written, out var request, out var error)) return new GrpcStatus(GrpcStatusCode.Internal, error);
        var progress = new QueryProgress();
        var result = await WatchAsync(call, progress, () => node.QueryRangeAsync(asked, request with { Progress = progress }, call.Cancellation)).ConfigureAwait(false);
        return await PacketSender.SendAsync(
            call, result.Series.Count, (first, output) => MetricsProtobuf.WritePacket(result, first, options.MaxPacketBytes, output)).ConfigureAwait(false);
    }

    private async ValueTask<GrpcStatus> AnswerInstantAsync(GrpcCall call, TenantSet asked, RequestBody body)
    {
        if (!MetricsMessages.TryReadInstant(body.Buffer.Written, out var request, out var error)) return new GrpcStatus(GrpcStatusCode.Internal, error);
        var progress = new QueryProgress();
        var result = await WatchAsync(call, progress, () => node.QueryInstantAsync(asked, request with { Progress = progress }, call.Cancellation)).ConfigureAwait(false);
        return await PacketSender.SendAsync(
            call, result.Series.Count, (first, output) => MetricsProtobuf.WritePacket(result, first, options.MaxPacketBytes, output)).ConfigureAwait(false);
    }

    private async ValueTask<T> WatchAsync<T>(GrpcCall call, QueryProgress progress, Func<Task<T>> run)
    {
        using var timer = new PeriodicTimer(QuerierOptions.EmitInterval, time);
        using var message = new NativeBuffer();
        return await WatchAsync(Task.Run(run, call.Cancellation), progress, () => timer.WaitForNextTickAsync(CancellationToken.None).AsTask(), SendAsync).ConfigureAwait(false);

        ValueTask SendAsync(SearchMetrics metrics)
        {
            message.Clear();
            MetricsProtobuf.WriteProgress(metrics, message);
            call.WriteMessage(message.Written);
            return call.FlushAsync();
        }
    }

    /// <summary>Tells at each tick how far a query has come, if it has moved, until it ends; its result, or what it threw.</summary>
    internal static async Task<T> WatchAsync<T>(Task<T> running, QueryProgress progress, Func<Task> nextTick, Func<SearchMetrics, ValueTask> send)
    {
        for (var last = new SearchMetrics(); ;)
        {
            if (await Task.WhenAny(running, nextTick()).ConfigureAwait(false) == running) return await running.ConfigureAwait(false);
            var now = progress.Read();
            if (now.TotalJobs == last.TotalJobs && now.CompletedJobs == last.CompletedJobs) continue;
            last = now;
            await send(now).ConfigureAwait(false);
        }
    }
}
