using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;

namespace Tempo.Host.Telemetry.OwnTraces;

/// <summary>
/// The span of a request that is served, below the one that whoever asks names (https://www.w3.org/TR/trace-context/). Attributes are those
/// of https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and of rpc.
/// </summary>
internal static class RequestSpan
{
    /// <summary>Characters of a text that are kept while the span waits to be sent.</summary>
    private const int MaxTextLength = 2048;

    /// <summary>Serves a request within its span, which knows its route, its TraceQL and what it was answered with.</summary>
    public static async Task RunAsync(HttpContext context, string route, Func<Task> serve)
    {
        using var span = Start(context, $"{RequestMetrics.KnownMethod(context.Request.Method)} {route}");
        if (span is { IsAllDataRequested: true }) Describe(span, context.Request, route);
        try
        {
            await serve().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            span.Fail(e);
            throw;
        }

        span?.SetTag("http.response.status_code", context.Response.StatusCode);
        if (context.Response.StatusCode >= StatusCodes.Status500InternalServerError) span?.SetStatus(ActivityStatusCode.Error);
    }

    /// <summary>Starts the span of a gRPC call, <c>/package.Service/Method</c>; null: nobody wants it.</summary>
    public static Activity? StartCall(HttpContext context, string method)
    {
        var name = method.TrimStart('/');
        var span = Start(context, name);
        span?.SetTag("rpc.system", "grpc").SetTag("rpc.service", name[..name.LastIndexOf('/')])
            .SetTag("rpc.method", name[(name.LastIndexOf('/') + 1)..]);
        return span;
    }

    /// <summary>What the call ended with.</summary>
    public static void Answered(Activity? span, in GrpcStatus status)
    {
        span?.SetTag("rpc.grpc.status_code", (int)status.Code);
        if (IsOurs(status.Code)) span?.SetStatus(ActivityStatusCode.Error, status.Message);
    }

    // Others are of the client's making.
    private static bool IsOurs(GrpcStatusCode code) =>
        code is GrpcStatusCode.Unknown or GrpcStatusCode.DeadlineExceeded or GrpcStatusCode.Unimplemented or GrpcStatusCode.Internal
            or GrpcStatusCode.Unavailable or GrpcStatusCode.DataLoss;

    private static void Describe(Activity span, HttpRequest request, string route)
    {
        span.SetTag("http.request.method", RequestMetrics.KnownMethod(request.Method));
        span.SetTag("http.route", route);
        span.SetTag("url.path", Cut(request.Path.Value ?? ""));
        if (request.Query["q"].ToString() is { Length: > 0 } query) span.SetTag("tempo.query", Cut(query));
        else if (request.QueryString.Value is { Length: > 1 } parameters) span.SetTag("url.query", Cut(parameters[1..]));
    }

    private static string Cut(string text) => text.Length <= MaxTextLength ? text : text[..MaxTextLength];

    private static Activity? Start(HttpContext context, string name)
    {
        // What vendors add to it would go from span to span, as long as the sender likes.
        _ = ActivityContext.TryParse(context.Request.Headers.TraceParent.ToString(), traceState: null, isRemote: true, out var parent);
        return ProcessSpans.Start(name, ActivityKind.Server, parent);
    }
}
