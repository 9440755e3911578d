using Tempo.Engine.Foundation;
using Tempo.Engine.Node;

namespace Tempo.Ring.Routing;

/// <summary>This process.</summary>
public sealed class LocalMember(string name, TempoNode node) : IMember
{
    public string Name { get; } = name;

    public ValueTask<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request) => node.IngestAsync(tenant, request);
}
