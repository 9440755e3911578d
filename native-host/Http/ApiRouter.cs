using Microsoft.AspNetCore.Http;
using Tempo.Host.Telemetry;

namespace Tempo.Host.Http;

/// <summary>Methods of a route.</summary>
internal enum AllowedMethods
{
    /// <summary>Tempo registers its query endpoints without a restriction; clients use GET.</summary>
    Any,
    Get,
}

/// <summary>One route of the API.</summary>
/// <param name="Path">The whole path, of which one segment may be <c>{name}</c> (it is never empty).</param>
/// <param name="Name">Label of the request metrics.</param>
/// <param name="Methods">Others get 405.</param>
/// <param name="HandleAsync">Gets the request and the text of the variable segment ("" if there is none).</param>
internal sealed record ApiRoute(string Path, string Name, AllowedMethods Methods, Func<HttpContext, string, Task> HandleAsync);

/// <summary>
/// Finds the route of a request on the API listener. A dozen routes, of which a few have one variable segment: a table
/// and a short list, so that nothing is compiled or reflected at start.
/// </summary>
internal sealed class ApiRouter
{
    private const string OtherRoute = "other";
    private readonly Dictionary<string, ApiRoute> _exact = new(StringComparer.Ordinal);
    private readonly List<(string Head, string Tail, ApiRoute Route)> _patterns = [];
    private readonly RequestMetrics _metrics;
    private readonly TimeProvider _time;

    /// <param name="routes">All routes.</param>
    /// <param name="apiPrefix">Put in front of every path below /api; the path without it is then unknown.</param>
    /// <param name="metrics">Counts and times every request.</param>
    /// <param name="time">Clock of the durations.</param>
    public ApiRouter(IEnumerable<ApiRoute> routes, string apiPrefix, RequestMetrics metrics, TimeProvider time)
    {
        _metrics = metrics;
        _time = time;
        foreach (var route in routes)
        {
            var path = route.Path.StartsWith("/api/", StringComparison.Ordinal) ? apiPrefix + route.Path : route.Path;
            var open = path.IndexOf('{', StringComparison.Ordinal);
            if (open < 0) _exact.Add(path, route);
            else _patterns.Add((path[..open], path[(path.IndexOf('}', StringComparison.Ordinal) + 1)..], route));
        }
    }

    /// <summary>Serves one request of the listener.</summary>
    public Task HandleAsync(HttpContext context)
    {
        var started = _time.GetTimestamp();
        var path = context.Request.Path.Value ?? "/";
        var route = Find(path, out var variable);
        var isAllowed = route is { Methods: AllowedMethods.Any } || HttpMethods.IsGet(context.Request.Method);
        var name = route is not null && isAllowed ? route.Name : OtherRoute;
        return _metrics.ObserveAsync(context, name, AnswerAsync(), started, _time);

        // Async for handlers that throw before they return a task.
        async Task AnswerAsync() => await (route switch
        {
            null when path.Contains("//", StringComparison.Ordinal) => RedirectAsync(context, path),
            null => PlainText.WriteAsync(context, StatusCodes.Status404NotFound, PlainText.PageNotFound),
            _ when !isAllowed => RefuseMethodAsync(context),
            _ => route.HandleAsync(context, variable),
        }).ConfigureAwait(false);
    }

    internal ApiRoute? Find(string path, out string variable)
    {
        variable = "";
        if (_exact.TryGetValue(path, out var exact)) return exact;
        foreach (var (head, tail, route) in _patterns)
        {
            if (path.Length <= head.Length + tail.Length || !path.StartsWith(head, StringComparison.Ordinal)
                || !path.EndsWith(tail, StringComparison.Ordinal))
                continue;
            variable = path[head.Length..^tail.Length];

            // A tag name may hold slashes and stands between two fixed parts; a trace id stands at the end and may not.
            if (tail.Length > 0 || !variable.Contains('/', StringComparison.Ordinal)) return route;
        }

        variable = "";
        return null;
    }

    private static Task RedirectAsync(HttpContext context, string path)
    {
        while (path.Contains("//", StringComparison.Ordinal)) path = path.Replace("//", "/", StringComparison.Ordinal);
        context.Response.StatusCode = StatusCodes.Status301MovedPermanently;
        context.Response.Headers.Location = new PathString(path).ToUriComponent() + context.Request.QueryString.ToUriComponent();
        return Task.CompletedTask;
    }

    private static Task RefuseMethodAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = "GET";
        return Task.CompletedTask;
    }
}
