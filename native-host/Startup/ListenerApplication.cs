using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Http;

namespace Tempo.Host.Startup;

/// <summary>
/// What a listener runs for each request: one function. It sees to it that a request that fails has an answer and a line
/// in the log. The context object lives as long as its connection and is used again for each request of it.
/// </summary>
internal sealed class ListenerApplication(Func<HttpContext, Task> handle, Log log) : IHttpApplication<DefaultHttpContext>
{
    public DefaultHttpContext CreateContext(IFeatureCollection contextFeatures)
    {
        if (contextFeatures is not IHostContextContainer<DefaultHttpContext> container) return new DefaultHttpContext(contextFeatures);
        var context = container.HostContext ??= new DefaultHttpContext();
        context.Initialize(contextFeatures);
        return context;
    }

    public void DisposeContext(DefaultHttpContext context, Exception? exception) => context.Uninitialize();

    public async Task ProcessRequestAsync(DefaultHttpContext context)
    {
        try
        {
            if (HasBothFramings(context.Request)) await RefuseFramingAsync(context).ConfigureAwait(false);
            else await handle(context).ConfigureAwait(false);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client went away; there is nobody to tell.
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            await PlainText.WriteAsync(context, e.StatusCode, e.Message + "\n").ConfigureAwait(false);
        }
        catch (QueryException e) when (!context.Response.HasStarted)
        {
            context.Response.Clear();
            await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
        }
        catch (OutOfMemoryException e) when (!context.Response.HasStarted)
        {
            // Not a fault of the request: what is kept in reserve is given up, and whoever asked comes again.
            SpareMemory.LetGo();
            log.Warn(
                "no memory for a request", ("method", context.Request.Method), ("path", context.Request.Path.Value), ("err", e.ToString()));
            context.Response.Clear();
            context.Response.Headers.RetryAfter = "1";
            await PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "there is no memory for this now, try again\n")
                .ConfigureAwait(false);
        }
        catch (Exception e)
        {
            log.Error("request failed", ("method", context.Request.Method), ("path", context.Request.Path.Value), ("err", e.ToString()));
            if (context.Response.HasStarted) throw; // the server breaks the connection off, so that nobody takes the part for the whole
            context.Response.Clear();
            await PlainText.WriteAsync(context, StatusCodes.Status500InternalServerError, "internal error\n").ConfigureAwait(false);
        }
    }

    // A body with a length and in chunks: whoever passed it on may have believed the other one, and what it took for the next
    // request stands in this body (RFC 9112 §6.1). The server goes by the chunks and moves the length out of the way.
    private static bool HasBothFramings(HttpRequest request) =>
        HttpProtocol.IsHttp11(request.Protocol) && request.Headers.TransferEncoding.Count > 0
            && request.Headers.ContainsKey("X-Content-Length");

    private static Task RefuseFramingAsync(DefaultHttpContext context)
    {
        context.Response.Headers.Connection = "close";
        return PlainText.WriteAsync(
            context, StatusCodes.Status400BadRequest, "a request has a Content-Length or a Transfer-Encoding, not both\n");
    }
}
