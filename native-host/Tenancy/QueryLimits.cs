using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;

namespace Tempo.Host.Tenancy;

/// <summary>
/// The limits that a search or a request for tags is judged by: those of the query frontend, with the tenants' own over them.
/// Where a query names several tenants, the strictest of them holds for all, as each of them would have refused it.
/// </summary>
internal sealed class QueryLimits(SearchLimits frontend, TenantOverrides overrides)
{
    /// <summary>Limits of the query frontend, for who has no tenant at hand.</summary>
    public SearchLimits Frontend => frontend;

    /// <summary>The frontend's limits, with <c>read.max_search_duration</c> of the tenants.</summary>
    public SearchLimits Of(TenantSet tenants)
    {
        var longest = overrides.MaxSearchDuration(tenants, frontend.MaxDuration);
        return longest == frontend.MaxDuration ? frontend : frontend with { MaxDuration = longest };
    }

    /// <summary><c>read.left_pad_trace_ids</c>: search answers show all 32 digits of an id. One tenant that wants it is enough.</summary>
    public bool ArePadded(TenantSet tenants)
    {
        foreach (var tenant in tenants.Tenants)
            if (overrides.Of(tenant).Read.AreTraceIdsLeftPadded) return true;
        return false;
    }
}
