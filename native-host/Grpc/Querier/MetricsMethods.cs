using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Receivers;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// <c>MetricsQueryRange</c> and <c>MetricsQueryInstant</c>, server streaming: the answer when it is whole, in packets. The
/// engine decides on all spans of a step at once, so there is nothing certain to send before; what the client did wrong is
/// UNKNOWN, as in Tempo.
/// </summary>
internal sealed class MetricsMethods(TempoNode node, TenantResolver tenants, QuerierOptions options)
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
        var result = await node.QueryRangeAsync(asked, request, call.Cancellation).ConfigureAwait(false);
        return await PacketSender.SendAsync(
            call, result.Series.Count, (first, output) => MetricsProtobuf.WritePacket(result, first, options.MaxPacketBytes, output)).ConfigureAwait(false);
    }

    private async ValueTask<GrpcStatus> AnswerInstantAsync(GrpcCall call, TenantSet asked, RequestBody body)
    {
        if (!MetricsMessages.TryReadInstant(body.Buffer.Written, out var request, out var error)) return new GrpcStatus(GrpcStatusCode.Internal, error);
        var result = await node.QueryInstantAsync(asked, request, call.Cancellation).ConfigureAwait(false);
        return await PacketSender.SendAsync(
            call, result.Series.Count, (first, output) => MetricsProtobuf.WritePacket(result, first, options.MaxPacketBytes, output)).ConfigureAwait(false);
    }
}
