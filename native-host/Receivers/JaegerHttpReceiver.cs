using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Foreign.Jaeger;
using Tempo.Host.Config;
using Tempo.Host.Grpc;
using Tempo.Host.Http;
using Tempo.Host.Telemetry;

namespace Tempo.Host.Receivers;

/// <summary>Jaeger over HTTP: a Thrift batch to <c>POST /api/traces</c>.</summary>
public sealed class JaegerHttpReceiver(OtlpIngest ingest, HttpBody body, RequestMetrics metrics, TimeProvider time)
{
    public const string Path = "/api/traces";

    /// <summary>Serves one request of the listener.</summary>
    public Task HandleAsync(HttpContext context)
    {
        var isOurs = context.Request.Path.Value == Path;
        return metrics.ObserveAsync(context, isOurs ? "jaeger_traces" : "other", ServeAsync(context, isOurs), time.GetTimestamp(), time);
    }

    private Task ServeAsync(HttpContext context, bool isOurs)
    {
        if (!isOurs) return PlainText.WriteAsync(context, StatusCodes.Status404NotFound, PlainText.PageNotFound);
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.Headers.Allow = "POST";
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return Task.CompletedTask;
        }

        return HttpBody.MediaType(context.Request.ContentType) is "application/x-thrift" or "application/vnd.apache.thrift.binary"
            ? StoreAsync(context)
            : RefuseMediaTypeAsync(context);
    }

    private Task RefuseMediaTypeAsync(HttpContext context)
    {
        ingest.ReportInvalid("media_type");
        return PlainText.WriteAsync(context, StatusCodes.Status400BadRequest,
            $"Unsupported content type: {GoText.Quote(context.Request.ContentType ?? "")[1..^1]}\n");
    }

    private async Task StoreAsync(HttpContext context)
    {
        var status = ingest.ResolveTenant(context.Request.Headers, out var tenant);
        if (status.IsOk) status = await ingest.AdmitAsync(context.RequestAborted).ConfigureAwait(false);
        if (!status.IsOk)
        {
            await ForeignAnswer.RefuseAsync(context, status).ConfigureAwait(false);
            return;
        }

        using var thrift = body.Memory.Rent();
        if (await body.ReadAsync(context.Request, thrift, context.RequestAborted).ConfigureAwait(false) is var (readCode, readError))
        {
            await ForeignAnswer.RefuseAsync(context, readCode, ingest.ReportUnread(readError)).ConfigureAwait(false);
            return;
        }

        using var request = body.Memory.RentBeside(thrift);
        status = ingest.ReportUnread(Transcode(thrift, request));
        if (status.IsOk)
        {
            (status, var outcome) = await ingest.StoreAsync(tenant, request).ConfigureAwait(false);
            if (status.IsOk)
            {
                ForeignAnswer.Accepted(context, outcome);
                return;
            }
        }

        await ForeignAnswer.RefuseAsync(context, status).ConfigureAwait(false);
    }

    private static GrpcStatus Transcode(RequestBody thrift, RequestBody request)
    {
        try
        {
            return JaegerReader.TryTranscodeBatch(thrift.Buffer.Written, request.Buffer, out var error)
                ? GrpcStatus.Ok
                : new GrpcStatus(GrpcStatusCode.InvalidArgument, $"Unable to process request body: {error}");
        }
        catch (MemoryAccountFullException)
        {
            return request.Refusal;
        }
    }
}
