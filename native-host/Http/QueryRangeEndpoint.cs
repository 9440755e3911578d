using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/metrics/query_range</c>: a TraceQL metrics query over a range. Always JSON, as in Tempo.</summary>
internal sealed class QueryRangeEndpoint(TempoNode node, TenantResolver tenants, MetricsLimits limits, TimeProvider time)
{
    public ApiRoute Route() => new("/api/metrics/query_range", "api_metrics_query_range", AllowedMethods.Any, HandleAsync);

    private async Task HandleAsync(HttpContext context, string variable)
    {
        if (await QueryAnswer.ResolveTenantsAsync(context, tenants).ConfigureAwait(false) is not { } asked) return;
        try
        {
            var request = MetricsParameters.ReadRange(context.Request.Query, limits, time.GetUtcNow());
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
