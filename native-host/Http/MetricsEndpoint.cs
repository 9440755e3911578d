using Tempo.Engine.Foundation;

namespace Tempo.Host.Http;

/// <summary><c>GET /metrics</c>: the Prometheus text format.</summary>
internal static class MetricsEndpoint
{
    public static ApiRoute Route(MetricRegistry metrics) =>
        new("/metrics", "metrics", AllowedMethods.Any, async (context, _) =>
        {
            using var body = new AnswerBuffer();
            metrics.WriteTo(body);
            await QueryAnswer.WriteAsync(context, "text/plain; version=0.0.4; charset=utf-8", body).ConfigureAwait(false);
        });
}
