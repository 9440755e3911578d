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
public sealed class TenantResolver(bool isMultitenancyEnabled)
{
    public const string HeaderName = "X-Scope-OrgID";

    private const char Separator = '|';

    /// <summary>The tenant of a request, or why there is none; <paramref name="error"/> is then Tempo's text.</summary>
    public TenantFailure Resolve(IHeaderDictionary headers, out TenantId tenant, out string error)
    {
        tenant = TenantId.Single;
        error = "";
        return isMultitenancyEnabled ? Resolve(headers[HeaderName], out tenant, out error) : TenantFailure.None;
    }

    /// <summary>
    /// Reads a header: <c>a|b</c> is several tenants unless all are the same one; each part is checked first, so that a bad
    /// id is named as such.
    /// </summary>
    public static TenantFailure Resolve(StringValues values, out TenantId tenant, out string error)
    {
        tenant = default;
        error = "no org id";
        if (values.Count > 1)
        {
            error = $"{values.Count} {HeaderName} headers, one is expected";
            return TenantFailure.Invalid;
        }

        var text = values.ToString();
        if (text.Length == 0) return TenantFailure.Missing;
        var several = false;
        var first = default(TenantId?);
        foreach (var range in text.AsSpan().Split(Separator))
        {
            if (!TenantId.TryParse(text[range], out var part, out error)) return TenantFailure.Invalid;
            several |= first is { } other && other != part;
            first ??= part;
        }

        tenant = first ?? default;
        if (several) error = "multiple org IDs present";
        return several ? TenantFailure.Multiple : TenantFailure.None;
    }
}
