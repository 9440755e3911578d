using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Peers;

/// <summary>
/// Who compacts, retains and deletes what, where several nodes share a store. Two owners of one thing do no harm, only work.
/// </summary>
public interface IMaintenanceOwner
{
    /// <summary>Whether this node compacts the tenant's blocks whose spans end in this window (Unix seconds / its length).</summary>
    bool OwnsWindow(TenantId tenant, long window);

    /// <summary>Whether this node does what is done once for each tenant: retention, its index, taking out deleted traces.</summary>
    bool OwnsTenant(TenantId tenant);

    /// <summary>Whether this node deletes what was marked for long enough.</summary>
    bool OwnsStore { get; }
}
