using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>
/// What stands before every query of the HTTP API: URLs that an operator has denied (<c>query_frontend.url_deny_list</c>),
/// and the time a query may take (<c>query_frontend.api_timeout</c>).
/// </summary>
internal sealed class QueryGuard(ApiOptions options, TimeProvider time)
{
    private readonly Regex[] _denied = [.. options.UrlDenyList.Select(UrlDenyList.Compile)];

    /// <summary>Refuses the request, or has it answered.</summary>
    public async Task HandleAsync(HttpContext context, Func<Task> handle)
    {
        if (_denied.Length > 0 && IsDenied(context.Request, out var url))
        {
            var text = $"Invalid request {url}. This query has been identified as one that destabilizes our system. " +
                "Contact your system administrator for more information";
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, text).ConfigureAwait(false);
            return;
        }

        if (options.QueryTimeout == TimeSpan.Zero) await handle().ConfigureAwait(false);
        else await HandleInTimeAsync(context, handle).ConfigureAwait(false);
    }

    private bool IsDenied(HttpRequest request, out string url)
    {
        var text = url = request.Path.ToUriComponent() + request.QueryString.ToUriComponent();
        return Array.Exists(_denied, pattern => pattern.IsMatch(text));
    }

    // The handlers watch for the client going away; the deadline looks the same to them.
    private async Task HandleInTimeAsync(HttpContext context, Func<Task> handle)
    {
        var aborted = context.RequestAborted;
        using var deadline = new CancellationTokenSource(options.QueryTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(aborted, deadline.Token);
        context.RequestAborted = both.Token;
        try
        {
            await handle().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !aborted.IsCancellationRequested
            && !context.Response.HasStarted)
        {
            context.RequestAborted = aborted;
            const string text = "unable to process request in the configured timeout";
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status503ServiceUnavailable, text).ConfigureAwait(false);
        }
        finally
        {
            context.RequestAborted = aborted;
        }
    }
}
