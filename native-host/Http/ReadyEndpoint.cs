using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Host.Startup;

namespace Tempo.Host.Http;

/// <summary><c>GET /ready</c>: 200 when this process takes and answers everything, else 503 with the reason.</summary>
internal static class ReadyEndpoint
{
    public static ApiRoute Route(TempoNode node, Lifecycle lifecycle) => Route(lifecycle, () => node.IsReady(out var reason) ? "" : reason);

    /// <param name="lifecycle">Of the process.</param>
    /// <param name="reasonNotReady">Empty if everything works.</param>
    public static ApiRoute Route(Lifecycle lifecycle, Func<string> reasonNotReady) =>
        new("/ready", "ready", AllowedMethods.Any, (context, _) =>
            lifecycle.IsStopping ? PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "Application is stopping\n")
            : !lifecycle.HasStarted ? PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "Application is starting\n")
            : reasonNotReady() is { Length: > 0 } reason ? PlainText.WriteAsync(
                context, StatusCodes.Status503ServiceUnavailable, reason + "\n")
            : PlainText.WriteAsync(context, StatusCodes.Status200OK, "ready\n"));
}
