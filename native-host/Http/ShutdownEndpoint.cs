using Microsoft.AspNetCore.Http;
using Tempo.Host.Startup;

namespace Tempo.Host.Http;

/// <summary>
/// <c>GET</c> or <c>POST /shutdown</c>: 204, and the process stops as at SIGTERM. Tempo 3 dropped it; scripts written for 2.x
/// still call it.
/// </summary>
internal static class ShutdownEndpoint
{
    public static ApiRoute Route(Lifecycle lifecycle) => new("/shutdown", "shutdown", AllowedMethods.GetAndPost, (context, _) =>
    {
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.OnCompleted(() =>
        {
            lifecycle.RequestStop();
            return Task.CompletedTask;
        });
        return Task.CompletedTask;
    });
}
