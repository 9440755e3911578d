using Tempo.Engine.Node.Usage;

namespace Tempo.Host.Http;

/// <summary>
/// <c>GET /usage_metrics</c>: accepted bytes by the tenants' cost attribution, in the Prometheus text format; 404 where it is not enabled.
/// </summary>
internal static class UsageMetricsEndpoint
{
    public static ApiRoute Route(UsageTracker? usage) =>
        new("/usage_metrics", "usage_metrics", AllowedMethods.Get, async (context, _) =>
        {
            if (usage is null)
            {
                await QueryAnswer.WriteErrorAsync(context, 404, "cost attribution is off: distributor.usage.cost_attribution.enabled\n")
                    .ConfigureAwait(false);
                return;
            }

            using var body = new AnswerBuffer();
            usage.WriteTo(body);
            await QueryAnswer.WriteAsync(context, "text/plain; version=0.0.4; charset=utf-8", body).ConfigureAwait(false);
        });
}
