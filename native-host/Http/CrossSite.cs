using Microsoft.AspNetCore.Http;

namespace Tempo.Host.Http;

/// <summary>
/// Tells the requests that a browser makes on behalf of another site. They may not change anything: whoever can be made to
/// open a page would otherwise stop a server that only their machine reaches. Other clients send none of these headers.
/// </summary>
internal static class CrossSite
{
    public const string Refusal = "requests that another site makes through a browser may not change anything here";

    /// <summary>True if the request comes from a page that this server did not serve.</summary>
    public static bool IsFromAnotherSite(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0) return site is not ("same-origin" or "none");

        // Browsers leave Sec-Fetch-Site out where the address is not https or loopback; Origin comes with every POST.
        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !(Uri.TryCreate(origin, UriKind.Absolute, out var page)
            && page.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }
}
