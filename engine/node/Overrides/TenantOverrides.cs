using System.Collections.Frozen;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Overrides;

/// <summary>
/// The limits of every tenant, from three layers, the first that has an entry wins:
/// <code>
/// 1 set by the tenant through the API      laid over the rest, key by key, by who sets it
/// 2 the overrides file: the tenant's entry, else "*"     an entry stands alone: what it leaves out is zero
/// 3 overrides.defaults, over the built-in values
/// </code>
/// Layers are replaced whole and at once; a reader asks once a request and works with the record it got. Thread safe.
/// </summary>
public sealed partial class TenantOverrides
{
    /// <summary>Name of the file's entry for tenants that have none.</summary>
    public const string Wildcard = "*";

    private readonly Lock _lock = new();
    private volatile Layers _layers;

    public TenantOverrides(TenantLimits? defaults = null) =>
        _layers = new Layers(defaults ?? TenantLimits.BuiltIn, FrozenDictionary<string, TenantLimits>.Empty, null,
            FrozenDictionary<string, Func<TenantLimits, TenantLimits>>.Empty);

    /// <summary>Limits of a tenant without any entry.</summary>
    public TenantLimits Defaults => _layers.Defaults;

    /// <summary>Entries of the overrides file, "*" among them.</summary>
    public IReadOnlyDictionary<string, TenantLimits> File => _layers.File;

    /// <summary>Tenants with limits of their own, by either layer; "*" is not one.</summary>
    public IReadOnlyCollection<string> Tenants
    {
        get
        {
            var layers = _layers;
            return [.. layers.File.Keys.Union(layers.User.Keys, StringComparer.Ordinal).Where(static name => name != Wildcard)
                .Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>Goes up with each change, so that what was derived from limits can be derived again.</summary>
    public long Version => _layers.Version;

    /// <summary>The limits that hold for the tenant now.</summary>
    public TenantLimits Of(TenantId tenant)
    {
        var layers = _layers;
        var limits = OfFile(layers, tenant.Value);
        return layers.User.Count > 0 && layers.User.TryGetValue(tenant.Value, out var change) ? change(limits) : limits;
    }

    /// <summary>The limits without what the tenant has set itself.</summary>
    public TenantLimits OfRuntime(TenantId tenant) => OfFile(_layers, tenant.Value);

    /// <summary>Which entry holds: the tenant's own name, "*", or "default overrides".</summary>
    public string SourceOf(TenantId tenant)
    {
        var layers = _layers;
        return layers.User.ContainsKey(tenant.Value) || layers.File.ContainsKey(tenant.Value) ? tenant.Value
            : layers.Wildcard is not null ? Wildcard
            : "default overrides";
    }

    /// <summary>Replaces the layer of the overrides file.</summary>
    public void ReplaceFile(IReadOnlyDictionary<string, TenantLimits> entries) => Change(layers => layers with
    {
        File = entries.ToFrozenDictionary(StringComparer.Ordinal),
        Wildcard = entries.GetValueOrDefault(Wildcard),
    });

    /// <summary>Replaces the layer of the API: for each tenant what it lays over the limits it would have.</summary>
    public void ReplaceUser(IReadOnlyDictionary<string, Func<TenantLimits, TenantLimits>> changes) =>
        Change(layers => layers with { User = changes.ToFrozenDictionary(StringComparer.Ordinal) });

    private void Change(Func<Layers, Layers> change)
    {
        lock (_lock) _layers = change(_layers) with { Version = _layers.Version + 1 };
    }

    private static TenantLimits OfFile(Layers layers, string tenant) =>
        layers.File.Count == 0 ? layers.Defaults : layers.File.TryGetValue(tenant, out var own) ? own : layers.Wildcard ?? layers.Defaults;

    private sealed record Layers(
        TenantLimits Defaults, FrozenDictionary<string, TenantLimits> File, TenantLimits? Wildcard,
        FrozenDictionary<string, Func<TenantLimits, TenantLimits>> User)
    {
        public long Version { get; init; }
    }
}
