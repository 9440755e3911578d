using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;

namespace Tempo.Host.Telemetry.OwnTraces;

/// <summary>
/// The span of a request that is served, below the one that whoever asks names (https://www.w3.org/TR/trace-context/). Attributes are those of
/// https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and of rpc.
/// </summary>
internal static class RequestSpan
{
    /// <summary>Null: nobody wants it.</summary>
    public static Activity? Start(HttpContext context, string route)
    {
        var request = context.Request;
        var span = Open(context, $"{request.Method} {route}");
        if (span is not { IsAllDataRequested: true }) return span;
        span.SetTag("http.request.method", request.Method);
        span.SetTag("http.route", route);
        span.SetTag("url.path", request.Path.Value);
        if (request.QueryString.HasValue) span.SetTag("url.query", request.QueryString.Value![1..]);
        if (request.Query["q"].ToString() is { Length: > 0 } query) span.SetTag("tempo.query", query);
        return span;
    }

    /// <summary>The same of a gRPC call, <c>/package.Service/Method</c>.</summary>
    public static Activity? StartCall(HttpContext context, string method)
    {
        var name = method.TrimStart('/');
        var span = Open(context, name);
        span?.SetTag("rpc.system", "grpc").SetTag("rpc.service", name[..name.LastIndexOf('/')]).SetTag("rpc.method", name[(name.LastIndexOf('/') + 1)..]);
        return span;
    }

    /// <summary>What the request was answered with.</summary>
    public static void Answered(Activity? span, int httpStatus)
    {
        span?.SetTag("http.response.status_code", httpStatus);
        if (httpStatus >= StatusCodes.Status500InternalServerError) span?.SetStatus(ActivityStatusCode.Error);
    }

    /// <summary>What the call ended with.</summary>
    public static void Answered(Activity? span, in GrpcStatus status)
    {
        span?.SetTag("rpc.grpc.status_code", (int)status.Code);
        if (!status.IsOk) span?.SetStatus(ActivityStatusCode.Error, status.Message);
    }

    private static Activity? Open(HttpContext context, string name)
    {
        var headers = context.Request.Headers;
        _ = ActivityContext.TryParse(headers.TraceParent.ToString(), headers.TraceState.ToString(), isRemote: true, out var parent);
        return ProcessSpans.Start(name, ActivityKind.Server, parent);
    }
}
