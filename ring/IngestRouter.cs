using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Ring.Routing;

namespace Tempo.Ring;

/// <summary>
/// Takes requests from the receivers to the owners of their traces. A ring of one passes them on as they are; splitting
/// by trace and replication arrive with membership, and until then any other routing is refused at construction.
/// </summary>
public sealed class IngestRouter
{
    private readonly IMember? _owner;
    private readonly Func<TenantId, NativeBuffer, ValueTask<IngestOutcome>>? _elsewhere;

    /// <summary>A router for this routing.</summary>
    public IngestRouter(IRouting routing)
    {
        if (!routing.TryGetSoleOwner(out _owner)) throw new NotSupportedException("a ring of more than one member is not supported yet");
    }

    /// <summary>The router of a process that keeps no spans: all of them go to <paramref name="elsewhere"/>.</summary>
    public IngestRouter(Func<TenantId, NativeBuffer, ValueTask<IngestOutcome>> elsewhere) => _elsewhere = elsewhere;

    /// <summary>The router of a single node.</summary>
    public IngestRouter(TempoNode node)
        : this(new SingleNodeRouting(new LocalMember("local", node)))
    {
    }

    /// <summary>Stores an OTLP request at its owners; see <see cref="TempoNode.IngestAsync"/> for the buffer's rules.</summary>
    public ValueTask<IngestOutcome> IngestAsync(TenantId tenant, NativeBuffer request) =>
        _elsewhere is not null ? _elsewhere(tenant, request) : _owner!.IngestAsync(tenant, request);
}
