using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;

namespace Tempo.Host.Http;

/// <summary>
/// <c>GET</c> or <c>POST /flush</c>: cuts what is live and writes it as blocks now; 204 when it is done. Tempo 3 dropped it;
/// scripts written for 2.x still call it.
/// </summary>
internal static class FlushEndpoint
{
    public static ApiRoute Route(TempoNode node) => new("/flush", "flush", AllowedMethods.GetAndPost, async (context, _) =>
    {
        await node.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    });
}
