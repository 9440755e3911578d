using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Config;
using Tempo.Host.Http;
using Tempo.Host.Startup;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Mcp;

/// <summary>The MCP server's route, where <c>query_frontend.mcp_server.enabled</c> says so.</summary>
internal static class McpApi
{
    public static ApiRoute[] Routes(
        TempoNode node, TenantResolver tenants, QueryLimits limits, HostOptions options, Func<TenantSet, long> maxTraceBytes,
        MetricRegistry metrics, Lifecycle lifecycle, TimeProvider time)
    {
        if (!options.Api.IsMcpEnabled) return [];
        var server = new McpServer(new McpTools(node, limits, maxTraceBytes, time).All(), McpDocs.Resources, metrics);
        return [new McpEndpoint(server, tenants, lifecycle).Route()];
    }
}
