namespace Tempo.Engine.Foundation;

/// <summary>
/// The tenants whose data one query sees together: one, as a rule; several for <c>X-Scope-OrgID: a|b</c>. Never empty, none
/// twice. A tenant is also a set of one.
/// </summary>
public sealed class TenantSet
{
    /// <summary>The tenant of every request while multitenancy is off.</summary>
    public static readonly TenantSet Single = new([TenantId.Single]);

    private readonly TenantId[] _tenants;

    private TenantSet(TenantId[] tenants) => _tenants = tenants;

    /// <summary>The tenants, in the order in which they were named.</summary>
    public IReadOnlyList<TenantId> Tenants => _tenants;

    /// <summary>The set of these; throws <see cref="ArgumentException"/> for none.</summary>
    public static TenantSet Of(IEnumerable<TenantId> tenants)
    {
        TenantId[] distinct = [.. tenants.Distinct()];
        return distinct.Length > 0 ? new TenantSet(distinct) : throw new ArgumentException("a query needs a tenant", nameof(tenants));
    }

    public static implicit operator TenantSet(TenantId tenant) => tenant == TenantId.Single ? Single : new TenantSet([tenant]);

    public bool Contains(TenantId tenant) => Array.IndexOf(_tenants, tenant) >= 0;

    /// <summary>As the header writes it.</summary>
    public override string ToString() => string.Join('|', _tenants);
}
