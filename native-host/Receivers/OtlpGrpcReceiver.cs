using Tempo.Host.Grpc;

namespace Tempo.Host.Receivers;

/// <summary>OTLP/gRPC: the unary Export of the trace service.</summary>
public sealed class OtlpGrpcReceiver(OtlpIngest ingest, int maxRequestBytes) : IGrpcMethod
{
    public string Path => "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

    public async ValueTask<GrpcStatus> InvokeAsync(GrpcCall call)
    {
        var status = ingest.ResolveTenant(call.Headers, out var tenant);
        if (status.IsOk) status = await ingest.AdmitAsync(call.Cancellation).ConfigureAwait(false);
        if (!status.IsOk) return status;
        using var body = call.RentBody();
        status = await call.ReadSingleAsync(body, maxRequestBytes).ConfigureAwait(false);
        if (!status.IsOk) return ingest.ReportUnread(status);
        var (stored, outcome) = await ingest.StoreAsync(tenant, body).ConfigureAwait(false);
        if (!stored.IsOk) return stored;
        call.WriteMessage(ExportResponse.ToProtobuf(outcome));
        return GrpcStatus.Ok;
    }
}
