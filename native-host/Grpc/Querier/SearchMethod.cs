using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Tempo.Host.Receivers;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc.Querier;

/// <summary>
/// <c>Search</c>, server streaming: while the search runs, the traces that are certain and the metrics so far, twice a
/// second; then the rest with the final metrics. A trace is sent once.
/// </summary>
internal sealed class SearchMethod(TempoNode node, TenantResolver tenants, QuerierOptions options, TimeProvider time) : IGrpcMethod
{
    public string Path => QuerierCall.Service + "Search";

    public ValueTask<GrpcStatus> InvokeAsync(GrpcCall call) =>
        QuerierCall.ServeAsync(
            call, tenants, options.MaxReceiveBytes, GrpcStatusCode.InvalidArgument, (asked, body) => AnswerAsync(call, asked, body));

    private async ValueTask<GrpcStatus> AnswerAsync(GrpcCall call, TenantSet asked, RequestBody body)
    {
        if (!SearchMessage.TryRead(body.Buffer.Written, out var input, out var error))
            return new GrpcStatus(GrpcStatusCode.Internal, error);
        if (!SearchParameters.TryCreate(input, options.Search.Of(asked), time.GetUtcNow(), out var search, out error))
            return new GrpcStatus(GrpcStatusCode.InvalidArgument, error);
        var form = (search.HasSpanSets, options.Search.ArePadded(asked));
        if (search.FindsNothing)
        {
            await SendAsync(call, [], new SearchMetrics(), form).ConfigureAwait(false);
            return GrpcStatus.Ok;
        }

        var increments = new SearchIncrements();
        var running =
            Task.Run(() => node.SearchAsync(asked, search.Request with { Progress = increments }, call.Cancellation), call.Cancellation);
        var sent = await StreamAsync(call, running, increments, form).ConfigureAwait(false);
        var result = await running.ConfigureAwait(false);
        if (result.Message.Length > 0) call.Trailers[QueryAnswer.PartialHeader] = GrpcText.Encode(result.Message);

        // Each once. What was reported is in the answer, though new traces may stand before it if the search began anew.
        await SendAsync(call, result.Traces.FindAll(trace => !sent.Contains(trace.TraceId)), result.Metrics, form).ConfigureAwait(false);
        return GrpcStatus.Ok;
    }

    // Until the search ends; the traces that were sent. A client that reads slowly holds up this loop and not the search.
    private async ValueTask<HashSet<TraceId>> StreamAsync(
        GrpcCall call, Task running, SearchIncrements increments, (bool HasSpanSets, bool ArePadded) form)
    {
        var sent = new HashSet<TraceId>();
        using var timer = new PeriodicTimer(QuerierOptions.EmitInterval, time);
        while (true)
        {
            var tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
            if (await Task.WhenAny(running, tick).ConfigureAwait(false) == running) return sent;
            if (!increments.TryTake(out var traces, out var metrics)) continue;
            await SendAsync(call, traces, metrics, form).ConfigureAwait(false);
            foreach (var trace in traces) sent.Add(trace.TraceId);
        }
    }

    private async ValueTask SendAsync(
        GrpcCall call, List<TraceSearchResult> traces, SearchMetrics metrics, (bool HasSpanSets, bool ArePadded) form)
    {
        await PacketSender.SendAsync(
            call, traces.Count, (first, output) => SearchProtobuf.WritePacket(
                traces, first, metrics, form.HasSpanSets, options.MaxPacketBytes, output, form.ArePadded)).ConfigureAwait(false);
    }
}
