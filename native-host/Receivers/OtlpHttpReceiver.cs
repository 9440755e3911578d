using System.Buffers;
using System.Globalization;
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
    public const string Path = "/v1/traces";

    private const string Json = "application/json";
    private const string Protobuf = "application/x-protobuf";

    private readonly OtlpIngest _ingest;
    private readonly RequestMemory _memory;
    private readonly RequestMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly int _maxRequestBytes;

    public OtlpHttpReceiver(OtlpIngest ingest, RequestMemory memory, RequestMetrics metrics, TimeProvider time, int maxRequestBytes)
    {
        _ingest = ingest;
        _memory = memory;
        _metrics = metrics;
        _time = time;
        _maxRequestBytes = maxRequestBytes;
    }

    /// <summary>Serves one request of the listener.</summary>
    public Task HandleAsync(HttpContext context)
    {
        var started = _time.GetTimestamp();
        var isOurs = context.Request.Path.Value == Path;
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

        return MediaType(context.Request.ContentType) switch
        {
            Json => ExportAsync(context, Json),
            Protobuf => ExportAsync(context, Protobuf),
            _ => PlainText.WriteAsync(
                context, StatusCodes.Status415UnsupportedMediaType, $"415 unsupported media type, supported: [{Json}, {Protobuf}]"),
        };
    }

    private async Task ExportAsync(HttpContext context, string mediaType)
    {
        var status = _ingest.ResolveTenant(context.Request.Headers, out var tenant);
        if (!status.IsOk)
        {
            WriteError(context, mediaType, HttpStatus(status.Code), status);
            return;
        }

        using var body = _memory.Rent();
        if (await ReadAsync(context.Request, body, context.RequestAborted).ConfigureAwait(false) is var (code, readError))
        {
            WriteError(context, mediaType, code, readError);
            return;
        }

        using var transcoded = mediaType == Json ? _memory.Rent() : null;
        status = transcoded is null ? GrpcStatus.Ok : Transcode(body, transcoded);
        IngestOutcome outcome = default;
        if (status.IsOk)
            (status, outcome) = await _ingest.StoreAsync(tenant, transcoded ?? body).ConfigureAwait(false);
        if (status.IsOk) WriteSuccess(context, mediaType, outcome);
        else WriteError(context, mediaType, HttpStatus(status.Code), status);
    }

    // Null when the whole body, decompressed, is in the buffer.
    private async ValueTask<(int Code, GrpcStatus Status)?> ReadAsync(HttpRequest request, RequestBody body, CancellationToken cancellation)
    {
        if (request.ContentLength > _maxRequestBytes) return TooLarge();
        var encoding = request.Headers.ContentEncoding.ToString().ToLowerInvariant(); // content codings have no case (RFC 9110 §8.4.1)
        BodyStatus status;
        try
        {
            if (encoding is "" or "identity")
                status = await BodyReader.ReadAsync(request.BodyReader, body, _maxRequestBytes, cancellation).ConfigureAwait(false);
            else
            {
                using var compressed = _memory.Rent();
                status = await BodyReader.ReadAsync(request.BodyReader, compressed, _maxRequestBytes, cancellation).ConfigureAwait(false);
                if (status == BodyStatus.Complete) status = BodyDecompressor.Decompress(encoding, compressed, body, _maxRequestBytes);
            }
        }
        catch (BadHttpRequestException e)
        {
            return (e.StatusCode, new GrpcStatus(GrpcStatusCode.InvalidArgument, e.Message));
        }
        catch (IOException e)
        {
            // What the server throws for a chunk size that does not fit in a number, and for a connection that broke.
            return Bad($"the body cannot be read: {e.Message}");
        }

        return status switch
        {
            BodyStatus.Complete => null,
            BodyStatus.TooLarge => TooLarge(),
            BodyStatus.Overloaded => (StatusCodes.Status503ServiceUnavailable, RequestMemory.Overloaded),
            BodyStatus.UnknownEncoding => Bad($"unsupported Content-Encoding: {GoText.Quote(encoding)[1..^1]}"),
            _ => Bad($"the body is not valid {encoding}, or ends early"),
        };
    }

    private (int Code, GrpcStatus Status)? TooLarge()
    {
        var status = new GrpcStatus(GrpcStatusCode.ResourceExhausted, $"request body larger than max {_maxRequestBytes} bytes");
        return (StatusCodes.Status413PayloadTooLarge, status);
    }

    private static (int Code, GrpcStatus Status)? Bad(string message) =>
        (StatusCodes.Status400BadRequest, new GrpcStatus(GrpcStatusCode.InvalidArgument, message));

    private static GrpcStatus Transcode(RequestBody json, RequestBody target)
    {
        if (!OtlpJsonReader.TryTranscode(json.Buffer.Written, target.Buffer, out var error))
            return new GrpcStatus(GrpcStatusCode.InvalidArgument, error.Message);
        return target.TryAccount() ? GrpcStatus.Ok : RequestMemory.Overloaded;
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
        if (status.RetryDelay > TimeSpan.Zero)
            context.Response.Headers.RetryAfter = Math.Ceiling(status.RetryDelay.TotalSeconds).ToString(CultureInfo.InvariantCulture);
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

    private static int HttpStatus(GrpcStatusCode code) => code switch
    {
        GrpcStatusCode.InvalidArgument => StatusCodes.Status400BadRequest,
        GrpcStatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
        GrpcStatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };

    private static string MediaType(string? contentType)
    {
        var type = contentType.AsSpan();
        var parameters = type.IndexOf(';');
        if (parameters >= 0) type = type[..parameters];
        type = type.Trim();
        if (type.Equals(Json, StringComparison.OrdinalIgnoreCase)) return Json;
        return type.Equals(Protobuf, StringComparison.OrdinalIgnoreCase) ? Protobuf : "";
    }
}
