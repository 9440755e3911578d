using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Tempo.Host.Telemetry;
using Tempo.Host.Telemetry.OwnTraces;

namespace Tempo.Host.Http;

/// <summary>Methods of a route.</summary>
internal enum AllowedMethods
{
    /// <summary>Tempo registers its query endpoints without a restriction; clients use GET.</summary>
    Any,
    Get,
    GetAndPost,
    Post,

    /// <summary>GET, POST, PATCH, DELETE: those of the limits that tenants set themselves.</summary>
    Overrides,
}

/// <summary>What the methods of a route mean.</summary>
internal static class AllowedMethodsRules
{
    public static bool Allow(this AllowedMethods methods, string method) => methods switch
    {
        AllowedMethods.Any => true,
        AllowedMethods.Post => HttpMethods.IsPost(method),
        AllowedMethods.Overrides =>
            HttpMethods.IsGet(method) || HttpMethods.IsPost(method) || HttpMethods.IsPatch(method) || HttpMethods.IsDelete(method),
        _ => HttpMethods.IsGet(method) || (methods == AllowedMethods.GetAndPost && HttpMethods.IsPost(method)),
    };

    /// <summary>True if a request with this method changes something: it may not come from another site's page.</summary>
    public static bool Change(this AllowedMethods methods, string method) => methods switch
    {
        AllowedMethods.GetAndPost or AllowedMethods.Post => true,
        AllowedMethods.Overrides => !HttpMethods.IsGet(method),
        // Queries have no restriction, and a trace is deleted where it is asked for.
        AllowedMethods.Any => HttpMethods.IsDelete(method),
        _ => false,
    };

    /// <summary>As the Allow header writes them.</summary>
    public static string Describe(this AllowedMethods methods) => methods switch
    {
        AllowedMethods.Any => "any",
        AllowedMethods.GetAndPost => "GET, POST",
        AllowedMethods.Post => "POST",
        AllowedMethods.Overrides => "GET, POST, PATCH, DELETE",
        _ => "GET",
    };
}

/// <summary>One route of the API.</summary>
/// <param name="Path">The whole path, of which one segment may be <c>{name}</c> (it is never empty).</param>
/// <param name="Name">Label of the request metrics.</param>
/// <param name="Methods">Others get 405.</param>
/// <param name="HandleAsync">Gets the request and the text of the variable segment ("" if there is none).</param>
internal sealed record ApiRoute(string Path, string Name, AllowedMethods Methods, Func<HttpContext, string, Task> HandleAsync)
{
    /// <summary>Parameters have one value. Jaeger's and Zipkin's own APIs have some that have several.</summary>
    public bool TakesFirstValues => Path.StartsWith("/api/", StringComparison.Ordinal);

    /// <summary>Has a span in the process's own traces. GET of the MCP server is a stream that stays open.</summary>
    public bool IsTraced(string method) => IsQuery || (Name == "api_mcp" && HttpMethods.IsPost(method));

    /// <summary>Asks about spans: what an operator may deny, and limit in time.</summary>
    public bool IsQuery =>
        Name.StartsWith("jaeger_", StringComparison.Ordinal) || Name.StartsWith("zipkin_", StringComparison.Ordinal)
        || (Path.StartsWith("/api/", StringComparison.Ordinal)
            && Name is not ("api_echo" or "api_status_buildinfo" or "api_overrides" or "api_mcp"));
}

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
    private readonly QueryGuard? _guard;

    /// <param name="routes">All routes.</param>
    /// <param name="apiPrefix">Put in front of every path below /api; the path without it is then unknown.</param>
    /// <param name="metrics">Counts and times every request.</param>
    /// <param name="time">Clock of the durations.</param>
    /// <param name="guard">Stands before the queries; null: nothing does.</param>
    /// <param name="pathPrefix">Put in front of every path, before <paramref name="apiPrefix"/>.</param>
    public ApiRouter(
        IEnumerable<ApiRoute> routes, string apiPrefix, RequestMetrics metrics, TimeProvider time, QueryGuard? guard = null,
        string pathPrefix = "")
    {
        _guard = guard;
        _metrics = metrics;
        _time = time;
        Routes = [.. routes];
        foreach (var route in Routes)
        {
            var path = pathPrefix + (route.Path.StartsWith("/api/", StringComparison.Ordinal) ? apiPrefix : "") + route.Path;
            var open = path.IndexOf('{', StringComparison.Ordinal);
            if (open < 0) _exact.Add(path, route);
            else _patterns.Add((path[..open], path[(path.IndexOf('}', StringComparison.Ordinal) + 1)..], route));
        }
    }

    /// <summary>All routes; their paths without the prefix.</summary>
    public IReadOnlyList<ApiRoute> Routes { get; }

    /// <summary>Serves one request of the listener.</summary>
    public Task HandleAsync(HttpContext context)
    {
        var started = _time.GetTimestamp();
        var path = context.Request.Path.Value ?? "/";
        var route = Find(path, out var variable);
        var isAllowed = route?.Methods.Allow(context.Request.Method) ?? true;
        var name = route is not null && isAllowed ? route.Name : OtherRoute;
        if (route is { TakesFirstValues: true }) TakeFirstValues(context.Request);
        return _metrics.ObserveAsync(context, name,
            route is not null && isAllowed && route.IsTraced(context.Request.Method)
                ? RequestSpan.RunAsync(context, route.Path, AnswerAsync)
                : AnswerAsync(), started, _time);

        // Async for handlers that throw before they return a task.
        async Task AnswerAsync() => await (route switch
        {
            null when path.Contains("//", StringComparison.Ordinal) => RedirectAsync(context, path),
            null => PlainText.WriteAsync(context, StatusCodes.Status404NotFound, PlainText.PageNotFound),
            _ when !isAllowed => RefuseMethodAsync(context, route.Methods),
            _ when route.Methods.Change(context.Request.Method) && CrossSite.IsFromAnotherSite(context.Request) =>
                PlainText.WriteAsync(context, StatusCodes.Status403Forbidden, CrossSite.Refusal),
            { IsQuery: true } when _guard is not null => _guard.HandleAsync(context, () => route.HandleAsync(context, variable)),
            _ => route.HandleAsync(context, variable),
        }).ConfigureAwait(false);
    }

    // Of a parameter that is given twice the first is taken, as Tempo does, and not both with a comma in between.
    private static void TakeFirstValues(HttpRequest request)
    {
        if (request.Query.All(static parameter => parameter.Value.Count <= 1)) return;
        request.Query = new QueryCollection(
            request.Query.ToDictionary(static parameter => parameter.Key, static parameter => new StringValues(parameter.Value[0]),
                StringComparer.OrdinalIgnoreCase));
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

    private static Task RefuseMethodAsync(HttpContext context, AllowedMethods methods)
    {
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = methods.Describe();
        return Task.CompletedTask;
    }
}
