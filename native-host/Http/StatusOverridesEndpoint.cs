using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary><c>/status/overrides</c>: the tenants with limits of their own, and the limits of each.</summary>
internal sealed class StatusOverridesEndpoint(TenantOverrides overrides)
{
    public ApiRoute[] Routes() =>
    [
        new("/status/overrides", "status_overrides", AllowedMethods.Get, (context, _) => WriteAsync(context, List())),
        new("/status/overrides/{tenant}", "status_overrides_tenant", AllowedMethods.Get,
            (context, name) => TenantId.TryParse(name, out var tenant, out var error)
                ? WriteAsync(context, Page(tenant))
                : PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, error + "\n")),
    ];

    /// <summary>The limits of the overrides file as YAML, as <c>/status/runtime_config</c> shows them.</summary>
    public string RuntimeConfig()
    {
        var text = new StringBuilder("---\noverrides:");
        if (overrides.File.Count == 0) return text.Append(" {}\n").ToString();
        text.Append('\n');
        foreach (var (tenant, limits) in overrides.File.OrderBy(static e => e.Key, StringComparer.Ordinal))
            text.Append("  ").Append(GoText.Quote(tenant)).Append(":\n").Append(Indent(EffectiveConfig.RenderLimits(limits), 4));
        return text.ToString();
    }

    private string List()
    {
        var items = new StringBuilder();
        foreach (var tenant in overrides.Tenants)
            items.Append($"<li><a href=\"/status/overrides/{Uri.EscapeDataString(tenant)}\">{WebUtility.HtmlEncode(tenant)}</a></li>\n");
        return Document("Tenant overrides", $"<ul>\n{items}</ul>\n");
    }

    private string Page(TenantId tenant) => Document(
        $"Overrides of {WebUtility.HtmlEncode(tenant.Value)}",
        $"<p>Source: {WebUtility.HtmlEncode(overrides.SourceOf(tenant))}</p>\n<pre><code>{WebUtility.HtmlEncode(EffectiveConfig.RenderLimits(overrides.Of(tenant)))}</code></pre>\n");

    private static string Document(string title, string body) =>
        $"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head><body>\n<h1>{title}</h1>\n{body}</body></html>\n";

    private static string Indent(string text, int by) =>
        string.Concat(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"{new string(' ', by)}{line}\n"));

    private static Task WriteAsync(HttpContext context, string html)
    {
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'";
        return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(html), context.RequestAborted).AsTask();
    }
}
