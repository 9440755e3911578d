using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Receivers;
using Tempo.Host.Telemetry;
using Tempo.Host.Telemetry.OwnTraces;

namespace Tempo.Host.Grpc;

/// <summary>A method of a gRPC service.</summary>
public interface IGrpcMethod
{
    /// <summary><c>/package.Service/Method</c>.</summary>
    string Path { get; }

    /// <summary>
    /// Serves one call: reads from it, writes to it, and returns the status that ends it. A cancelled call may throw
    /// <see cref="OperationCanceledException"/>; another exception ends the call with INTERNAL and is logged.
    /// </summary>
    ValueTask<GrpcStatus> InvokeAsync(GrpcCall call);
}

/// <summary>
/// gRPC over Kestrel's HTTP/2: finds the method, reads deadline and encoding, and sees to it that every call ends with a
/// status. Grpc.AspNetCore would do the same at the price of a copy of each message; this folder is all there is to
/// replace.
/// </summary>
public sealed class GrpcServer
{
    private readonly Dictionary<string, IGrpcMethod> _methods;
    private readonly HashSet<string> _services;
    private readonly RequestMemory _memory;
    private readonly RequestMetrics _metrics;
    private readonly Log _log;
    private readonly TimeProvider _time;

    public GrpcServer(IGrpcMethod[] methods, RequestMemory memory, RequestMetrics metrics, Log log, TimeProvider time)
    {
        _methods = methods.ToDictionary(static m => m.Path, StringComparer.Ordinal);
        _services = [.. methods.Select(static m => ServiceOf(m.Path))];
        _memory = memory;
        _metrics = metrics;
        _log = log;
        _time = time;
    }

    /// <summary>Largest message that a method may send; a larger one ends its call with RESOURCE_EXHAUSTED.</summary>
    public int MaxSendBytes { get; init; } = int.MaxValue;

    /// <summary>Calls have spans in the process's own traces.</summary>
    public bool IsTraced { get; init; }

    /// <summary>The services, sorted.</summary>
    public IEnumerable<string> Services => _services.Order(StringComparer.Ordinal);

    /// <summary>True for a request that is no other, if perhaps of a kind of messages that is not served (415).</summary>
    public static bool IsMeant(HttpRequest request) =>
        request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>True for a request that this class serves.</summary>
    public static bool IsGrpc(HttpRequest request) =>
        request.ContentType is { } type && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)
        && (type.Length == "application/grpc".Length || type["application/grpc".Length] is ';' or '+')
        && !type.StartsWith("application/grpc+json", StringComparison.OrdinalIgnoreCase);

    /// <summary>Serves one request of a gRPC listener.</summary>
    public Task HandleAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method)) return Refuse(context, StatusCodes.Status405MethodNotAllowed);
        return IsGrpc(context.Request) ? ServeAsync(context) : Refuse(context, StatusCodes.Status415UnsupportedMediaType);
    }

    /// <summary>Ends a call with a status without looking for its method.</summary>
    public Task RefuseAsync(HttpContext context, GrpcStatus status)
    {
        new GrpcCall(context, _memory, null, MaxSendBytes, _time, context.RequestAborted).Finish(status);
        return Task.CompletedTask;
    }

    internal static GrpcStatus UnknownEncoding(string encoding) =>
        new(GrpcStatusCode.Unimplemented, $"grpc: Decompressor is not installed for grpc-encoding \"{encoding}\"");

    private async Task ServeAsync(HttpContext context)
    {
        var started = _time.GetTimestamp();
        var request = context.Request;
        var path = request.Path.Value ?? "";
        var encoding = Encoding(request);
        var timeoutText = request.Headers["grpc-timeout"].ToString();
        var timeout = Timeout.InfiniteTimeSpan;
        CancellationTokenSource? deadline = null;
        try
        {
            var isTimeoutGood = timeoutText.Length == 0 || GrpcTimeout.TryParse(timeoutText, out timeout);
            if (timeout != Timeout.InfiniteTimeSpan)
            {
                deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
                deadline.CancelAfter(timeout);
            }

            var call = new GrpcCall(context, _memory, encoding, MaxSendBytes, _time, deadline?.Token ?? context.RequestAborted);
            var status = !isTimeoutGood ? new GrpcStatus(GrpcStatusCode.Internal, "malformed grpc-timeout")
                : !_methods.TryGetValue(path, out var method) ? Unknown(path)
                : encoding is not null && !IsKnown(encoding) ? UnknownEncoding(encoding)
                : IsTraced && !path.StartsWith("/grpc.", StringComparison.Ordinal) ? await TraceAsync(method, call, context)
                    .ConfigureAwait(false)
                : await InvokeAsync(method, call, context).ConfigureAwait(false);
            if (!context.RequestAborted.IsCancellationRequested) call.Finish(status);
            _metrics.Observe("gRPC", _methods.ContainsKey(path) ? path : "other", status.Code.ToString(), _time.GetElapsedTime(started));
        }
        finally
        {
            deadline?.Dispose();
        }
    }

    private async ValueTask<GrpcStatus> TraceAsync(IGrpcMethod method, GrpcCall call, HttpContext context)
    {
        using var span = RequestSpan.StartCall(context, method.Path);
        var status = await InvokeAsync(method, call, context).ConfigureAwait(false);
        RequestSpan.Answered(span, status);
        return status;
    }

    private async ValueTask<GrpcStatus> InvokeAsync(IGrpcMethod method, GrpcCall call, HttpContext context)
    {
        try
        {
            return await method.InvokeAsync(call).ConfigureAwait(false);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            return new GrpcStatus(GrpcStatusCode.Cancelled, "the client went away");
        }
        catch (OperationCanceledException) when (call.Cancellation.IsCancellationRequested)
        {
            return new GrpcStatus(GrpcStatusCode.DeadlineExceeded, "context deadline exceeded");
        }
        catch (GrpcException e)
        {
            return e.Status;
        }
        catch (BadHttpRequestException e)
        {
            return new GrpcStatus(GrpcStatusCode.Internal, e.Message);
        }
        catch (OutOfMemoryException e)
        {
            // As on HTTP: not a fault of the request.
            SpareMemory.LetGo();
            _log.Warn("no memory for a gRPC call", ("method", method.Path), ("err", e));
            return new GrpcStatus(
                GrpcStatusCode.Unavailable, "there is no memory for this now, try again")
            { RetryDelay = TimeSpan.FromSeconds(1) };
        }
        catch (Exception e)
        {
            _log.Error("gRPC call failed", ("method", method.Path), ("err", e));
            return new GrpcStatus(GrpcStatusCode.Internal, "internal error");
        }
    }

    private GrpcStatus Unknown(string path)
    {
        var service = ServiceOf(path);
        return new GrpcStatus(GrpcStatusCode.Unimplemented, _services.Contains(service)
            ? $"unknown method {path[(path.LastIndexOf('/') + 1)..]} for service {service}"
            : $"unknown service {service}");
    }

    private static string ServiceOf(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash > 1 ? path[1..slash] : "";
    }

    // Null for none and for identity.
    private static string? Encoding(HttpRequest request)
    {
        var encoding = request.Headers["grpc-encoding"].ToString();
        return encoding is "" or "identity" ? null : encoding;
    }

    private static bool IsKnown(string encoding) => GrpcCall.AcceptedEncodings.Split(',').Contains(encoding);

    private static Task Refuse(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    }
}
