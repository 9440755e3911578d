using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary>
/// <c>DELETE /api/traces/{id}</c> and <c>/api/v2/traces/{id}</c>, ours: when it is answered with 204 nobody is shown the trace any
/// more, and compaction takes it out of the blocks. It says nothing of whether there was one. Off unless
/// <c>storage.trace.trace_deletion_enabled</c>: in Tempo no request to the query port takes anything away.
/// </summary>
internal sealed class TraceDeletionEndpoint(TempoNode node, TenantResolver tenants, bool isEnabled)
{
    public async Task HandleAsync(HttpContext context, string idText)
    {
        if (!isEnabled)
        {
            context.Response.Headers.Allow = "GET";
            await PlainText.WriteAsync(context, StatusCodes.Status405MethodNotAllowed,
                "deleting traces is off; storage.trace.trace_deletion_enabled allows it\n").ConfigureAwait(false);
            return;
        }

        if (await QueryAnswer.ResolveTenantAsync(context, tenants).ConfigureAwait(false) is not { } tenant) return;
        if (!TraceByIdParameters.TryParse(idText, QueryCollection.Empty, out var parameters, out var error))
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        try
        {
            await node.DeleteTracesAsync(tenant, [parameters.Id], context.RequestAborted).ConfigureAwait(false);
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        catch (ArgumentOutOfRangeException e)
        {
            await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status429TooManyRequests, e.Message).ConfigureAwait(false);
        }
    }
}
