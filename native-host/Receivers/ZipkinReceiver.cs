using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Foreign.Zipkin;
using Tempo.Host.Grpc;
using Tempo.Host.Telemetry;
using Tempo.Host.Tenancy;
using Tempo.Ring;

namespace Tempo.Host.Receivers;

/// <summary>
/// Zipkin: spans to any path, by any method; <c>/api/v1/spans</c> in a path makes it version 1. Protobuf or Thrift if the
/// content type says so, else JSON. 202 without a body, 400 with the reason, 429 and 503 with Retry-After.
/// </summary>
public sealed class ZipkinReceiver
{
    private const string V1Path = "/api/v1/spans";
    private readonly OtlpIngest[] _ingest;
    private readonly HttpBody _body;
    private readonly RequestMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly bool _parsesTags;

    public ZipkinReceiver(
        IngestRouter router, TenantResolver tenants, AdmissionLine line, MetricRegistry registry, HttpBody body, RequestMetrics metrics,
        TimeProvider time, bool parsesTags = false)
    {
        _body = body;
        _metrics = metrics;
        _time = time;
        _parsesTags = parsesTags;

        // In the order of ZipkinFormat.
        string[] transports = ["http_v2_json", "http_v2_proto", "http_v1_json", "http_v1_thrift"];
        _ingest = [.. transports.Select(transport => new OtlpIngest(router, tenants, line, registry, "zipkin/zipkin_receiver", transport))];
    }

    /// <summary>Serves one request of the listener.</summary>
    public Task HandleAsync(HttpContext context)
    {
        var format = FormatOf(context.Request);
        var route = format is ZipkinFormat.V1Json or ZipkinFormat.V1Thrift ? "zipkin_v1" : "zipkin_v2";
        return _metrics.ObserveAsync(context, route, ServeAsync(context, format), _time.GetTimestamp(), _time);
    }

    private async Task ServeAsync(HttpContext context, ZipkinFormat format)
    {
        var ingest = _ingest[(int)format];
        var status = ingest.ResolveTenant(context.Request.Headers, out var tenant);
        if (status.IsOk) status = await ingest.AdmitAsync(context.RequestAborted).ConfigureAwait(false);
        if (!status.IsOk)
        {
            await ForeignAnswer.RefuseAsync(context, status).ConfigureAwait(false);
            return;
        }

        using var body = _body.Memory.Rent();
        if (await _body.ReadAsync(context.Request, body, context.RequestAborted).ConfigureAwait(false) is var (readCode, readError))
        {
            await ForeignAnswer.RefuseAsync(context, readCode, ingest.ReportUnread(readError)).ConfigureAwait(false);
            return;
        }

        using var request = _body.Memory.RentBeside(body);
        status = ingest.ReportUnread(Transcode(format, body, request));
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

    private GrpcStatus Transcode(ZipkinFormat format, RequestBody body, RequestBody request)
    {
        var now = (ulong)_time.GetUtcNow().ToUnixTimeMilliseconds() * 1_000_000;
        try
        {
            return ZipkinReader.TryTranscode(format, body.Buffer.Written, now, request.Buffer, out var error, _parsesTags)
                ? GrpcStatus.Ok
                : new GrpcStatus(GrpcStatusCode.InvalidArgument, error);
        }
        catch (MemoryAccountFullException)
        {
            return request.Refusal;
        }
    }

    private static ZipkinFormat FormatOf(HttpRequest request)
    {
        var type = HttpBody.MediaType(request.ContentType);
        return request.Path.Value?.Contains(V1Path, StringComparison.Ordinal) == true
            ? type == "application/x-thrift" ? ZipkinFormat.V1Thrift : ZipkinFormat.V1Json
            : type == "application/x-protobuf" ? ZipkinFormat.V2Protobuf : ZipkinFormat.V2Json;
    }
}
