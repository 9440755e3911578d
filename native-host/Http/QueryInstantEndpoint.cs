using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/metrics/query</c>: a TraceQL metrics query for one value a series. Always JSON, as in Tempo.</summary>
internal sealed class QueryInstantEndpoint(TempoNode node, TenantResolver tenants, TimeProvider time)
{
    public ApiRoute Route() => new("/api/metrics/query", "api_metrics_query", AllowedMethods.Any, HandleAsync);

    private async Task HandleAsync(HttpContext context, string variable)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        try
        {
            var request = MetricsParameters.ReadInstant(context.Request.Query, time.GetUtcNow());
            var result = await node.QueryMetricsAsync(asked, request, context.RequestAborted).ConfigureAwait(false);
            using var body = new AnswerBuffer();
            MetricsJson.Write(result, body);
            await QueryAnswer.WriteAsync(context, QueryAnswer.Json, body).ConfigureAwait(false);
        }
        catch (QueryException e)
        {
            await QueryAnswer.WriteErrorAsync(context, e).ConfigureAwait(false);
        }
    }
}
