using Tempo.Engine.Foundation;

namespace Tempo.Ring.Routing;

/// <summary>Says which members own a trace. Immutable: a change of membership is a new routing.</summary>
public interface IRouting
{
    /// <summary>
    /// True if one member owns every trace of every tenant: a request then needs no splitting, and goes to it whole.
    /// </summary>
    bool TryGetSoleOwner(out IMember owner);

    /// <summary>Owners of a trace, the first one first; as many as the replication factor.</summary>
    void GetOwners(TenantId tenant, TraceId trace, ICollection<IMember> owners);
}
