using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Foreign.Jaeger;
using Tempo.Host.Grpc;

namespace Tempo.Host.Receivers;

/// <summary>Jaeger over gRPC: PostSpans of the collector, whose answer has no fields.</summary>
public sealed class JaegerGrpcReceiver(OtlpIngest ingest, int maxRequestBytes) : IGrpcMethod
{
    public string Path => "/jaeger.api_v2.CollectorService/PostSpans";

    public async ValueTask<GrpcStatus> InvokeAsync(GrpcCall call)
    {
        var status = ingest.ResolveTenant(call.Headers, out var tenant);
        if (status.IsOk) status = await ingest.AdmitAsync(call.Cancellation).ConfigureAwait(false);
        if (!status.IsOk) return status;
        using var message = call.RentBody();
        status = await call.ReadSingleAsync(message, maxRequestBytes).ConfigureAwait(false);
        if (!status.IsOk) return ingest.ReportUnread(status);
        using var request = call.RentBeside(message);
        status = Transcode(message, request);
        if (!status.IsOk) return ingest.ReportUnread(status);
        (status, var outcome) = await ingest.StoreAsync(tenant, request).ConfigureAwait(false);
        if (!status.IsOk) return status;
        if (ForeignAnswer.WarningOf(outcome) is { Length: > 0 } warning) call.Trailers["warning"] = warning;
        call.WriteMessage([]);
        return status;
    }

    private static GrpcStatus Transcode(RequestBody message, RequestBody request)
    {
        try
        {
            return JaegerReader.TryTranscodeProtobuf(message.Buffer.Written, request.Buffer, out var error)
                ? GrpcStatus.Ok
                : new GrpcStatus(GrpcStatusCode.InvalidArgument, error) { InvalidField = "batch" };
        }
        catch (MemoryAccountFullException)
        {
            return request.Refusal;
        }
    }
}
