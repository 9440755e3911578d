using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Tags;

namespace Tempo.Engine.Node.Overrides;

/// <summary>
/// Limits of queries over a set of tenants. A range that one of them would refuse is refused; an answer may be as large as the
/// tenant with most room allows.
/// </summary>
public sealed partial class TenantOverrides
{
    /// <summary>Largest trace that a query for these tenants gives back, in OTLP bytes; 0: no limit.</summary>
    public long MaxBytesPerTrace(TenantSet tenants) => Most(tenants, static limits => limits.Global.MaxBytesPerTrace);

    /// <summary>Longest range of a search; a tenant without a limit of its own has the frontend's. Zero: no limit.</summary>
    public TimeSpan MaxSearchDuration(TenantSet tenants, TimeSpan frontend) =>
        Shortest(tenants, static limits => limits.Read.MaxSearchDuration, frontend);

    /// <summary>Longest range of a metrics query; a tenant without a limit of its own has the frontend's. Zero: no limit.</summary>
    public TimeSpan MaxMetricsDuration(TenantSet tenants, TimeSpan frontend) =>
        Shortest(tenants, static limits => limits.Read.MaxMetricsDuration, frontend);

    /// <summary>What a request for tag names or values may be answered with.</summary>
    public TagLimits TagLimits(TenantSet tenants) => new()
    {
        MaxBytes = Most(tenants, static limits => limits.Read.MaxBytesPerTagValuesQuery) is > 0 and var bytes ? bytes : long.MaxValue,
        MaxConditionGroups = (int)Most(tenants, static limits => limits.Read.MaxConditionGroupsPerTagQuery) is > 0 and var groups
            ? groups
            : DefaultConditionGroups,
    };

    /// <summary>Blocks that a request for tag values looks into, the newest first; 0: all.</summary>
    public int MaxBlocksPerTagValuesQuery(TenantSet tenants) => (int)Most(tenants, static limits => limits.Read.MaxBlocksPerTagValuesQuery);

    private static readonly int DefaultConditionGroups = new TagLimits().MaxConditionGroups;

    private long Most(TenantSet tenants, Func<TenantLimits, long> limit)
    {
        long most = 0;
        foreach (var tenant in tenants.Tenants)
        {
            var value = limit(Of(tenant));
            if (value == 0) return 0;
            most = Math.Max(most, value);
        }

        return most;
    }

    private TimeSpan Shortest(TenantSet tenants, Func<TenantLimits, TimeSpan> limit, TimeSpan frontend)
    {
        var shortest = TimeSpan.MaxValue;
        foreach (var tenant in tenants.Tenants)
        {
            var own = limit(Of(tenant)) is { Ticks: > 0 } set ? set : frontend;
            if (own > TimeSpan.Zero && own < shortest) shortest = own;
        }

        return shortest == TimeSpan.MaxValue ? TimeSpan.Zero : shortest;
    }
}
