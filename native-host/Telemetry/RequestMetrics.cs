using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Telemetry;

/// <summary>
/// <c>tempo_request_duration_seconds{method,route,status_code,ws}</c>. Routes come from the route tables and methods from
/// a fixed list, so no stranger makes a series. Thread safe.
/// </summary>
public sealed class RequestMetrics(MetricRegistry registry)
{
    private readonly HistogramFamily _durations = registry.Histogram(
        "tempo_request_duration_seconds",
        "Time (in seconds) spent serving HTTP and gRPC requests.",
        [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100],
        "method", "route", "status_code", "ws");

    // The family finds a child by a text that it has to build; this spares it.
    private readonly ConcurrentDictionary<(string Method, string Route, string Status), Histogram> _children = new();

    public void Observe(string method, string route, string status, TimeSpan duration)
    {
        var key = (KnownMethod(method), route, status);
        if (!_children.TryGetValue(key, out var histogram)) _children[key] = histogram = _durations.With(key.Item1, route, status, "false");
        histogram.Observe(duration.TotalSeconds);
    }

    /// <summary>
    /// Awaits the answer to an HTTP request and observes it, also when it throws: as 500, which the listener then sends, or as
    /// 499 if the client went away.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="route">Its name in the metrics.</param>
    /// <param name="answer">Serves it.</param>
    /// <param name="started">Timestamp of its beginning, of <paramref name="time"/>.</param>
    /// <param name="time">The clock.</param>
    public async Task ObserveAsync(HttpContext context, string route, Task answer, long started, TimeProvider time)
    {
        var status = StatusCodes.Status500InternalServerError;
        try
        {
            await answer.ConfigureAwait(false);
            status = context.Response.StatusCode;
        }
        finally
        {
            if (context.RequestAborted.IsCancellationRequested) status = StatusCodes.Status499ClientClosedRequest;
            Observe(context.Request.Method, route, status.ToString(CultureInfo.InvariantCulture), time.GetElapsedTime(started));
        }
    }

    /// <summary>The method, or "other": strangers invent none.</summary>
    internal static string KnownMethod(string method) =>
        method is "GET" or "POST" or "PUT" or "DELETE" or "HEAD" or "OPTIONS" or "PATCH" or "gRPC" ? method : "other";
}
