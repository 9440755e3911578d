using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;

namespace Tempo.Host.Http;

/// <summary>
/// <c>GET</c> or <c>POST /flush</c>: cuts what is live and writes it as blocks now; 204 when it is done. Tempo 3 dropped it;
/// scripts written for 2.x still call it. 503 with the reason where a block cannot be written; nothing is lost then, and it is tried again.
/// </summary>
internal static class FlushEndpoint
{
    public static ApiRoute Route(TempoNode node) => new("/flush", "flush", AllowedMethods.GetAndPost, async (context, _) =>
    {
        try
        {
            await node.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectStoreException or OperationCanceledException
            && !context.RequestAborted.IsCancellationRequested)
        {
            await PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable,
                $"live data cannot be written as blocks: {e.Message}\n").ConfigureAwait(false);
            return;
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    });
}
