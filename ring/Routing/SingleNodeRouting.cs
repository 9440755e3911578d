using Tempo.Engine.Foundation;

namespace Tempo.Ring.Routing;

/// <summary>A ring of one: the identity.</summary>
public sealed class SingleNodeRouting(IMember self) : IRouting
{
    public bool TryGetSoleOwner(out IMember owner)
    {
        owner = self;
        return true;
    }

    public void GetOwners(TenantId tenant, TraceId trace, ICollection<IMember> owners) => owners.Add(self);
}
