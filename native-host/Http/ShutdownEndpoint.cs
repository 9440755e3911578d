using Microsoft.AspNetCore.Http;
using Tempo.Host.Startup;

namespace Tempo.Host.Http;

/// <summary>
/// <c>POST /shutdown</c>: 204, and the process stops as at SIGTERM. Tempo 3 dropped it; scripts written for 2.x still call it.
/// Not by GET: an image on any page could do that.
/// </summary>
internal static class ShutdownEndpoint
{
    public static ApiRoute Route(Lifecycle lifecycle) => new("/shutdown", "shutdown", AllowedMethods.Post, (context, _) =>
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
