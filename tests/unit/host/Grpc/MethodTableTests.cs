using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;
using Tempo.Host.Grpc;
using Tempo.Host.Grpc.Reflection;
using Tempo.Host.Startup;
using Tempo.Host.Tenancy;
using Xunit;

namespace Tempo.Host.Tests.Grpc;

public class MethodTableTests
{
    // Nothing is called, so there need not be a node.
    private static readonly string[] Registered =
        [.. GrpcApi.Methods(null!, new TenantResolver(false), new HostOptions(), new QueryLimits(new SearchLimits(), new TenantOverrides()),
            new Lifecycle(), TimeProvider.System).Select(static m => m.Path).Order(StringComparer.Ordinal)];

    [Fact]
    public void TheServerHasEveryMethodThatItsProtoFilesDeclareAndNoOther() =>
        Assert.Equal(ServerSchema.Load().Methods.Order(StringComparer.Ordinal), Registered);
}
