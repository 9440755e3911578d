using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;

namespace Tempo.Host.Http;

/// <summary>
/// <c>GET</c> or <c>POST /flush</c>: cuts what is live and writes it as blocks now; 204 when it is done. Tempo 3 dropped it;
/// scripts written for 2.x still call it.
/// </summary>
internal static class FlushEndpoint
{
    public static ApiRoute Route(TempoNode node) => new("/flush", "flush", AllowedMethods.Any, async (context, _) =>
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = "GET, POST";
            return;
        }

        await node.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    });
}
