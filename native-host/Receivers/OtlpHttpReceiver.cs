using System.Buffers;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Otlp;
using Tempo.Host.Config;
using Tempo.Host.Grpc;
using Tempo.Host.Http;
using Tempo.Host.Telemetry;

namespace Tempo.Host.Receivers;

/// <summary>
/// OTLP/HTTP: <c>POST /v1/traces</c> in protobuf or JSON. Errors are a google.rpc.Status in the encoding of the request,
/// save those found before the encoding is known (404, 405, 415), which are plain text as the collector's are.
/// </summary>
public sealed class OtlpHttpReceiver
{
    private const string Json = "application/json";
    private const string Protobuf = "application/x-protobuf";

    private readonly OtlpIngest _ingest;
    private readonly HttpBody _body;
    private readonly RequestMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly string _path;

    public OtlpHttpReceiver(
        OtlpIngest ingest, HttpBody body, RequestMetrics metrics, TimeProvider time, string path = ReceiverServerOptions.DefaultTracesPath)
    {
        _path = path;
        _ingest = ingest;
        _body = body;
        _metrics = metrics;
        _time = time;
    }

    /// <summary>Serves one request of the listener.</summary>
    public Task HandleAsync(HttpContext context)
    {
        var started = _time.GetTimestamp();
        var isOurs = context.Request.Path.Value == _path;
        return _metrics.ObserveAsync(context, isOurs ? "v1_traces" : "other", ServeAsync(context, isOurs), started, _time);
    }

    private Task ServeAsync(HttpContext context, bool isOurs)
    {
        if (!isOurs) return PlainText.WriteAsync(context, StatusCodes.Status404NotFound, PlainText.PageNotFound);
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.Headers.Allow = "POST";
            return PlainText.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "405 method not allowed, supported: [POST]");
        }

        return HttpBody.MediaType(context.Request.ContentType) switch
        {
            Json => ExportAsync(context, Json),
            Protobuf => ExportAsync(context, Protobuf),
            _ => RefuseMediaTypeAsync(context),
        };
    }

    private Task RefuseMediaTypeAsync(HttpContext context)
    {
        _ingest.ReportInvalid("media_type");
        return PlainText.WriteAsync(
            context, StatusCodes.Status415UnsupportedMediaType, $"415 unsupported media type, supported: [{Json}, {Protobuf}]");
    }

    private async Task ExportAsync(HttpContext context, string mediaType)
    {
        var status = _ingest.ResolveTenant(context.Request.Headers, out var tenant);
        if (status.IsOk) status = await _ingest.AdmitAsync(context.RequestAborted).ConfigureAwait(false);
        if (!status.IsOk)
        {
            WriteError(context, mediaType, HttpBody.StatusOf(status), status);
            return;
        }

        using var body = _body.Memory.Rent();
        if (await _body.ReadAsync(context.Request, body, context.RequestAborted).ConfigureAwait(false) is var (code, readError))
        {
            WriteError(context, mediaType, code, _ingest.ReportUnread(readError));
            return;
        }

        using var transcoded = mediaType == Json ? _body.Memory.RentBeside(body) : null;
        status = transcoded is null ? GrpcStatus.Ok : _ingest.ReportUnread(Transcode(body, transcoded));
        IngestOutcome outcome = default;
        if (status.IsOk)
            (status, outcome) = await _ingest.StoreAsync(tenant, transcoded ?? body).ConfigureAwait(false);
        if (status.IsOk) WriteSuccess(context, mediaType, outcome);
        else WriteError(context, mediaType, HttpBody.StatusOf(status), status);
    }

    private static GrpcStatus Transcode(RequestBody json, RequestBody target)
    {
        try
        {
            return OtlpJsonReader.TryTranscode(json.Buffer.Written, target.Buffer, out var error)
                ? GrpcStatus.Ok
                : new GrpcStatus(GrpcStatusCode.InvalidArgument, error.Message);
        }
        catch (MemoryAccountFullException)
        {
            return target.Refusal;
        }
    }

    // Small answers go into the transport's own memory; the server sends them when the request ends.
    private static void WriteSuccess(HttpContext context, string mediaType, in IngestOutcome outcome)
    {
        context.Response.ContentType = mediaType;
        if (mediaType == Json)
        {
            ExportResponse.WriteJson(outcome, context.Response.BodyWriter);
            return;
        }

        var message = ExportResponse.ToProtobuf(outcome);
        context.Response.ContentLength = message.Length;
        context.Response.BodyWriter.Write(message);
    }

    private static void WriteError(HttpContext context, string mediaType, int code, in GrpcStatus status)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = mediaType;
        HttpBody.TellRetry(context.Response, status);
        if (mediaType == Json)
        {
            StatusJson.Write(status, context.Response.BodyWriter);
            return;
        }

        using var message = new NativeBuffer();
        GrpcStatusDetails.Write(status, message);
        context.Response.ContentLength = message.Length;
        context.Response.BodyWriter.Write(message.Written);
    }
}
