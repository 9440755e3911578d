using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary>What all query endpoints do alike: tenant, negotiation, compression, errors.</summary>
internal static class QueryAnswer
{
    /// <summary>Shorter answers are sent as they are.</summary>
    private const int MinGzipBytes = 1024;

    /// <summary>When to try again what the line of queries had no room for: most of a line is answered by then.</summary>
    private const string BusySeconds = "1";

    public const string Json = "application/json";
    public const string Protobuf = "application/protobuf";

    /// <summary>What clients ask for that feed a language model.</summary>
    public const string Llm = "application/vnd.grafana.llm";
    public const string LlmJson = "application/vnd.grafana.llm+json";

    /// <summary>
    /// Ours: on an answer that is not whole and whose message has no field to say so; the value says
    /// what is missing, percent-encoded as gRPC messages are.
    /// </summary>
    public const string PartialHeader = "X-Tempo-Partial";

    /// <summary>
    /// True if the answer is to be protobuf. The header is searched, not parsed, as Tempo does: clients rely on
    /// "text/html, application/protobuf;q=0.9".
    /// </summary>
    public static bool WantsProtobuf(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains(Protobuf, StringComparison.OrdinalIgnoreCase);

    /// <summary>True if the answer is to be for a language model: where neither protobuf nor JSON is asked for.</summary>
    public static bool WantsLlm(HttpRequest request)
    {
        var accept = request.Headers.Accept.ToString();
        return accept.Contains(Llm, StringComparison.OrdinalIgnoreCase) && !accept.Contains(Protobuf, StringComparison.OrdinalIgnoreCase)
            && !accept.Contains(Json, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The tenant, or an answered request: 401 without the header, 400 for a bad one or several.</summary>
    public static async ValueTask<TenantId?> ResolveTenantAsync(HttpContext context, TenantResolver tenants)
    {
        switch (tenants.Resolve(context.Request.Headers, out var tenant, out var error))
        {
            case TenantFailure.None:
                return tenant;
            case TenantFailure.Missing:
                await WriteErrorAsync(context, StatusCodes.Status401Unauthorized, error + "\n").ConfigureAwait(false);
                return null;
            default:
                await WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
                return null;
        }
    }

    /// <summary>The tenants of a query, or an answered request: 401 without the header, 400 for a bad one.</summary>
    public static async ValueTask<TenantSet?> ResolveTenantsAsync(HttpContext context, TenantResolver tenants)
    {
        var failure = tenants.ResolveSet(context.Request.Headers, out var asked, out var error);
        if (failure == TenantFailure.None) return asked;
        if (failure == TenantFailure.Missing)
            await WriteErrorAsync(context, StatusCodes.Status401Unauthorized, error + "\n").ConfigureAwait(false);
        else await WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
        return null;
    }

    /// <summary>Sends a whole answer, compressed if the client takes gzip and it is worth it.</summary>
    public static async Task WriteAsync(HttpContext context, string contentType, AnswerBuffer body)
    {
        var response = context.Response;
        response.ContentType = contentType;
        response.Headers.Vary = "Accept-Encoding";
        if (body.Length < MinGzipBytes || !TakesGzip(context.Request))
        {
            response.ContentLength = body.Length;
            await body.SendToAsync(response.BodyWriter, context.RequestAborted).ConfigureAwait(false);
            return;
        }

        response.Headers.ContentEncoding = "gzip";
        await using var compressed = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
        await body.CopyToAsync(compressed, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>True if the client takes gzip.</summary>
    public static bool TakesGzip(HttpRequest request) =>
        StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding, out var codings)
        && codings.Any(static coding => coding.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase) && coding.Quality != 0);

    public static Task WriteErrorAsync(HttpContext context, int status, string text)
    {
        context.Response.Headers.Vary = "Accept-Encoding";
        return PlainText.WriteAsync(context, status, text);
    }

    /// <summary>Sends what a query ended with.</summary>
    public static Task WriteErrorAsync(HttpContext context, QueryException error)
    {
        if (error.Kind == QueryErrorKind.Busy) context.Response.Headers.RetryAfter = BusySeconds;
        return WriteErrorAsync(context, Status(error.Kind), error.Message);
    }

    /// <summary>The HTTP status of what a query ended with.</summary>
    public static int Status(QueryErrorKind kind) => kind switch
    {
        QueryErrorKind.BadRequest => StatusCodes.Status400BadRequest,
        QueryErrorKind.NotImplemented => StatusCodes.Status501NotImplemented,
        QueryErrorKind.TooLarge => StatusCodes.Status422UnprocessableEntity,
        QueryErrorKind.Busy => StatusCodes.Status429TooManyRequests,
        QueryErrorKind.Timeout => StatusCodes.Status504GatewayTimeout,
        _ => StatusCodes.Status500InternalServerError,
    };
}
