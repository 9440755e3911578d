using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tempo.Engine.Node;
using Tempo.Host.Config;
using Tempo.Host.Foreign;
using Tempo.Host.Grpc.Health;
using Tempo.Host.Grpc.Jaeger;
using Tempo.Host.Grpc.Querier;
using Tempo.Host.Grpc.Reflection;
using Tempo.Host.Startup;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc;

/// <summary>The services of the gRPC port, and the way to them over the HTTP port.</summary>
internal static class GrpcApi
{
    /// <summary>What a gRPC client is told on the HTTP port while <c>stream_over_http_enabled</c> is off.</summary>
    private static readonly GrpcStatus NotHere = new(
        GrpcStatusCode.Unavailable, "gRPC is served on the gRPC port; stream_over_http_enabled: true serves it on this one too");

    public static IGrpcMethod[] Methods(
        TempoNode node, TenantResolver tenants, HostOptions options, QueryLimits limits, Lifecycle lifecycle, TimeProvider time)
    {
        var querier = new QuerierOptions(options.Api.MaxGrpcReceiveBytes, options.Api.MaxGrpcPacketBytes, limits);
        bool IsServing() => lifecycle is { HasStarted: true, IsStopping: false } && node.IsReady(out _);
        IGrpcMethod[] methods =
        [
            new SearchMethod(node, tenants, querier, time),
            .. new TagMethods(node, tenants, querier, time).All(),
            .. new MetricsMethods(node, tenants, querier, time).All(),
            .. new JaegerMethods(node, new ForeignQueries(node, limits), tenants, querier, time).All(),
            new HealthCheckMethod(IsServing),
            new HealthWatchMethod(IsServing, lifecycle, time),
        ];
        var schema = new Lazy<ServerSchema>(ServerSchema.Load);
        IEnumerable<string> Services() => schema.Value.Services.Order(StringComparer.Ordinal);
        return [.. methods, new ReflectionMethod("v1", schema, Services), new ReflectionMethod("v1alpha", schema, Services)];
    }

    /// <summary>What the HTTP port runs for each request: gRPC by protocol and content type, the rest by <paramref name="http"/>.</summary>
    public static Func<HttpContext, Task> OverHttp(GrpcServer grpc, bool isEnabled, Func<HttpContext, Task> http) => context =>
    {
        if (!HttpProtocol.IsHttp2(context.Request.Protocol) || !GrpcServer.IsMeant(context.Request)) return http(context);
        if (!isEnabled) return grpc.RefuseAsync(context, NotHere);

        // The limit of this port is for bodies that nobody reads; messages have their own.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
        return grpc.HandleAsync(context);
    };
}
