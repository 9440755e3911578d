using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tempo.Host.Config;
using Tempo.Host.Grpc;

namespace Tempo.Host.Receivers;

/// <summary>Reads the body of an ingest request, whatever it is encoded with, to at most a limit.</summary>
/// <param name="memory">Where bodies are rented.</param>
/// <param name="maxRequestBytes">After decompression.</param>
/// <param name="encodings">Content encodings that are taken, "" for none; null: all.</param>
public sealed class HttpBody(RequestMemory memory, int maxRequestBytes, TimeProvider time, IReadOnlyList<string>? encodings = null)
{
    /// <summary>Where bodies are rented.</summary>
    public RequestMemory Memory => memory;

    /// <summary>Null when the whole body, decompressed, is in the buffer; else the HTTP status and what to say.</summary>
    public async ValueTask<(int Code, GrpcStatus Status)?> ReadAsync(HttpRequest request, RequestBody body, CancellationToken cancellation)
    {
        if (request.ContentLength > maxRequestBytes) return TooLarge();
        var encoding = request.Headers.ContentEncoding.ToString().ToLowerInvariant(); // content codings have no case (RFC 9110 §8.4.1)
        BodyStatus status;
        try
        {
            if (encodings is not null && encoding is not ("" or "identity") && !encodings.Contains(encoding))
                status = BodyStatus.UnknownEncoding;
            else if (encoding is "" or "identity")
                status = await BodyReader.ReadAsync(request.BodyReader, body, maxRequestBytes, time, cancellation).ConfigureAwait(false);
            else
            {
                using var compressed = memory.RentBeside(body);
                status = await BodyReader.ReadAsync(request.BodyReader, compressed, maxRequestBytes, time, cancellation)
                    .ConfigureAwait(false);
                if (status == BodyStatus.Complete)
                    status = await BodyDecompressor.DecompressAsync(encoding, compressed, body, maxRequestBytes, memory, cancellation)
                        .ConfigureAwait(false);
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
            BodyStatus.Overloaded => (StatusOf(body.Refusal), body.Refusal),
            BodyStatus.TooSlow =>
                (StatusCodes.Status408RequestTimeout, new GrpcStatus(
                    GrpcStatusCode.Cancelled, $"the body came too slowly: {BodyPace.Rule}")),
            BodyStatus.UnknownEncoding => Bad($"unsupported Content-Encoding: {GoText.Quote(encoding)[1..^1]}"),
            _ => Bad($"the body is not valid {encoding}, or ends early"),
        };
    }

    /// <summary>The status code of OTLP/HTTP, and of all HTTP receivers here, for an outcome.</summary>
    public static int StatusOf(in GrpcStatus status) => status.Code switch
    {
        GrpcStatusCode.InvalidArgument => StatusCodes.Status400BadRequest,
        GrpcStatusCode.Unauthenticated => StatusCodes.Status401Unauthorized,
        GrpcStatusCode.ResourceExhausted when status.IsTooLarge => StatusCodes.Status413PayloadTooLarge,
        GrpcStatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
        GrpcStatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>
    /// What Retry-After says; null if the sender may not come back. The header knows whole seconds only: rounded, so that delays that are
    /// spread stay so.
    /// </summary>
    public static string? RetryAfter(in GrpcStatus status) =>
        status.RetryDelay > TimeSpan.Zero
            ? Math.Max(1, Math.Round(status.RetryDelay.TotalSeconds)).ToString(CultureInfo.InvariantCulture)
            : null;

    /// <summary><see cref="RetryAfter"/> as a header.</summary>
    public static void TellRetry(HttpResponse response, in GrpcStatus status)
    {
        if (RetryAfter(status) is { } seconds) response.Headers.RetryAfter = seconds;
    }

    /// <summary>The media type of a Content-Type header, in lower case and without parameters.</summary>
    public static string MediaType(string? contentType)
    {
        var type = contentType.AsSpan();
        var parameters = type.IndexOf(';');
        if (parameters >= 0) type = type[..parameters];
        return type.Trim().ToString().ToLowerInvariant();
    }

    private (int Code, GrpcStatus Status)? TooLarge()
    {
        var status =
            new GrpcStatus(GrpcStatusCode.ResourceExhausted, $"request body larger than max {maxRequestBytes} bytes") { IsTooLarge = true };
        return (StatusOf(status), status);
    }

    private static (int Code, GrpcStatus Status)? Bad(string message) =>
        (StatusCodes.Status400BadRequest, new GrpcStatus(GrpcStatusCode.InvalidArgument, message));
}
