using System.Buffers;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary>Writes a tenant's generated metrics; false if there are none.</summary>
internal delegate bool TryWriteGenerated(TenantId tenant, bool isOpenMetrics, IBufferWriter<byte> output);

/// <summary>
/// <c>GET /metrics/generated</c>, ours: the tenant's metrics from spans for a Prometheus that scrapes, instead of remote
/// write. OpenMetrics with exemplars for who takes it, else the text format.
/// </summary>
internal static class GeneratedMetricsEndpoint
{
    private const string OpenMetrics = "application/openmetrics-text";

    public static ApiRoute Route(TempoNode node, TenantResolver tenants) => Route(node.TryWriteGeneratedMetrics, tenants);

    /// <summary>The same of whatever makes them.</summary>
    public static ApiRoute Route(TryWriteGenerated tryWrite, TenantResolver tenants) =>
        new("/metrics/generated", "metrics_generated", AllowedMethods.Get, async (context, _) =>
        {
            if (await QueryAnswer.ResolveTenantAsync(context, tenants).ConfigureAwait(false) is not { } tenant) return;
            var isOpenMetrics = context.Request.Headers.Accept.ToString().Contains(OpenMetrics, StringComparison.OrdinalIgnoreCase);
            using var body = new AnswerBuffer();
            if (!tryWrite(tenant, isOpenMetrics, body))
            {
                await QueryAnswer.WriteErrorAsync(context, StatusCodes.Status404NotFound,
                    "no processor is on for the tenant: overrides.defaults.metrics_generator.processors\n").ConfigureAwait(false);
                return;
            }

            var type = isOpenMetrics ? OpenMetrics + "; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
            await QueryAnswer.WriteAsync(context, type, body).ConfigureAwait(false);
        });
}
