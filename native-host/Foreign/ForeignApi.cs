using Tempo.Engine.Node;
using Tempo.Host.Config;
using Tempo.Host.Foreign.Jaeger;
using Tempo.Host.Foreign.Zipkin;
using Tempo.Host.Http;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Foreign;

/// <summary>The query APIs of other systems, each below its prefix.</summary>
internal static class ForeignApi
{
    public static IEnumerable<ApiRoute> Routes(
        TempoNode node, TenantResolver tenants, QueryLimits limits, HostOptions options, TimeProvider time)
    {
        var queries = new ForeignQueries(node, limits);
        return
        [
            .. options.Api.JaegerPrefix.Length > 0 ? new JaegerEndpoints(queries, tenants, time).Routes(options.Api.JaegerPrefix) : [],
            .. options.Api.ZipkinPrefix.Length > 0 ? new ZipkinEndpoints(queries, tenants, time).Routes(options.Api.ZipkinPrefix) : [],
        ];
    }
}
