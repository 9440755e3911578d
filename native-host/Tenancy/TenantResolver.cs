using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Tenancy;

/// <summary>Why a request has no tenant.</summary>
public enum TenantFailure
{
    None,

    /// <summary>The header is missing or empty.</summary>
    Missing,

    /// <summary>The header holds something that is not a tenant id.</summary>
    Invalid,

    /// <summary>Several tenants where one is taken.</summary>
    Multiple,
}

/// <summary>
/// The one place that turns a request into a tenant, for HTTP headers and gRPC metadata alike (both are headers of the
/// request). While multitenancy is off, the header is not looked at.
/// </summary>
public sealed class TenantResolver(bool isMultitenancyEnabled, bool areSetsAllowed = true)
{
    public const string HeaderName = "X-Scope-OrgID";

    private const char Separator = '|';

    /// <summary>Tenants of one query; each costs a look at every block's owner.</summary>
    private const int MaxTenants = 1000;

    /// <summary>The tenant of a request, or why there is none; <paramref name="error"/> is then Tempo's text.</summary>
    public TenantFailure Resolve(IHeaderDictionary headers, out TenantId tenant, out string error) =>
        ResolveOne(headers[HeaderName], out tenant, out error);

    /// <summary>The same, of the values of the header.</summary>
    public TenantFailure ResolveOne(StringValues values, out TenantId tenant, out string error)
    {
        tenant = TenantId.Single;
        error = "";
        return isMultitenancyEnabled ? Resolve(values, out tenant, out error) : TenantFailure.None;
    }

    /// <summary>
    /// The tenants of a query, which may be several (<c>a|b</c>) unless <c>query_frontend.multi_tenant_queries_enabled</c> says no.
    /// </summary>
    public TenantFailure ResolveSet(IHeaderDictionary headers, out TenantSet tenants, out string error)
    {
        tenants = TenantSet.Single;
        error = "";
        if (!isMultitenancyEnabled) return TenantFailure.None;
        var failure = ReadAll(headers[HeaderName], out var all, out error);
        if (failure != TenantFailure.None) return failure;
        tenants = TenantSet.Of(all);
        if (tenants.Tenants.Count == 1 || areSetsAllowed) return TenantFailure.None;
        error = $"tenant ID '{headers[HeaderName]}' contains unsupported character '{Separator}'";
        return TenantFailure.Multiple;
    }

    /// <summary>
    /// Reads a header: <c>a|b</c> is several tenants unless all are the same one; each part is checked first, so that a bad
    /// id is named as such.
    /// </summary>
    public static TenantFailure Resolve(StringValues values, out TenantId tenant, out string error)
    {
        tenant = default;
        var failure = ReadAll(values, out var all, out error);
        if (failure != TenantFailure.None) return failure;
        tenant = all[0];
        if (all.TrueForAll(other => other == all[0])) return TenantFailure.None;
        error = "multiple org IDs present";
        return TenantFailure.Multiple;
    }

    private static TenantFailure ReadAll(StringValues values, out List<TenantId> tenants, out string error)
    {
        tenants = [];
        error = "no org id";
        if (values.Count > 1)
        {
            error = $"{values.Count} {HeaderName} headers, one is expected";
            return TenantFailure.Invalid;
        }

        var text = values.ToString();
        if (text.Length == 0) return TenantFailure.Missing;
        foreach (var range in text.AsSpan().Split(Separator))
        {
            if (!TenantId.TryParse(text[range], out var part, out error)) return TenantFailure.Invalid;
            if (tenants.Count == MaxTenants)
            {
                error = $"more than {MaxTenants} tenants in {HeaderName}";
                return TenantFailure.Invalid;
            }

            tenants.Add(part);
        }

        error = "";
        return TenantFailure.None;
    }
}
