using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Peers;

/// <summary>A node that has the store for itself.</summary>
public sealed class SoleOwner : IMaintenanceOwner, IClusterShare
{
    public static readonly SoleOwner Instance = new();

    public double OfReceived => 1;

    public double OfTraces => 1;

    public bool OwnsStore => true;

    public bool OwnsWindow(TenantId tenant, long window) => true;

    public bool OwnsTenant(TenantId tenant) => true;
}
