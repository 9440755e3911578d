using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Forwarding;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;
using Tempo.Host.Overrides;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Http;

/// <summary>
/// <c>/api/overrides</c>: the limits that a tenant sets itself. GET them, POST them whole, PATCH a part (RFC 7386), DELETE them.
/// Versions are those of the store; a local one has none, so that the ETag is always 0 and If-Match is asked for but not
/// compared, as in Tempo.
/// </summary>
internal sealed class OverridesEndpoint(
    UserOverrides? overrides, TenantOverrides limits, bool checksConflicts, IReadOnlyList<ForwarderOptions> forwarders,
    TenantResolver tenants)
{
    private const string Version = "0";
    private const int MaxBodyBytes = 1 << 20;

    private bool IsForwarder(string name) => forwarders.Any(forwarder => forwarder.Name == name);

    public ApiRoute Route() => overrides is null
        ? new ApiRoute("/api/overrides", "api_overrides", AllowedMethods.Any, static (context, _) =>
            PlainText.WriteAsync(context, StatusCodes.Status404NotFound, PlainText.PageNotFound))
        : new ApiRoute("/api/overrides", "api_overrides", AllowedMethods.Overrides, (context, _) => ServeAsync(context, overrides));

    private Task ServeAsync(HttpContext context, UserOverrides user)
    {
        switch (tenants.Resolve(context.Request.Headers, out var tenant, out var error))
        {
            case TenantFailure.None: break;
            case TenantFailure.Missing: return PlainText.WriteAsync(context, StatusCodes.Status401Unauthorized, error + "\n");
            default: return PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, error);
        }

        return context.Request.Method switch
        {
            "GET" => GetAsync(context, user, tenant),
            "DELETE" => HasMatch(context) ? DeleteAsync(context, user, tenant) : RefuseWithoutMatchAsync(context),
            "POST" => HasMatch(context) ? SetAsync(context, user, tenant, isPatch: false) : RefuseWithoutMatchAsync(context),
            _ => SetAsync(context, user, tenant, isPatch: true),
        };
    }

    private Task GetAsync(HttpContext context, UserOverrides user, TenantId tenant)
    {
        var scope = context.Request.Query["scope"].ToString();
        if (scope is not ("" or "api" or "merged"))
            return PlainText.WriteAsync(
                context, StatusCodes.Status400BadRequest, $"unknown scope {GoText.Quote(scope)}, valid options are api and merged");
        if (scope == "merged") return WriteAsync(context, UserOverridesDocument.Of(limits.Of(tenant)));
        if (user.Find(tenant) is { } document) return WriteAsync(context, document);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static async Task DeleteAsync(HttpContext context, UserOverrides user, TenantId tenant) =>
        await user.SetAsync(tenant, null, context.RequestAborted).ConfigureAwait(false);

    private async Task SetAsync(HttpContext context, UserOverrides user, TenantId tenant, bool isPatch)
    {
        if (await ReadAsync(context).ConfigureAwait(false) is not { } body)
        {
            await PlainText.WriteAsync(context, StatusCodes.Status413PayloadTooLarge,
                $"request body larger than max {MaxBodyBytes} bytes\n").ConfigureAwait(false);
            return;
        }

        var document = isPatch
            ? UserOverridesDocument.Patch(user.Find(tenant), body, out var error, IsForwarder)
            : UserOverridesDocument.Parse(body, out error, IsForwarder);
        if (document is null)
        {
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        if (Conflicts(context, tenant, document) is { Length: > 0 } conflicts)
        {
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, conflicts).ConfigureAwait(false);
            return;
        }

        await user.SetAsync(tenant, document, context.RequestAborted).ConfigureAwait(false);
        if (isPatch) await WriteAsync(context, document).ConfigureAwait(false);
        else context.Response.Headers.ETag = Version;
    }

    // Only the tenant's own entry of the file counts: what holds for everybody may be changed by each for himself.
    private string Conflicts(HttpContext context, TenantId tenant, UserOverridesDocument document)
    {
        if (!checksConflicts || context.Request.Query["skip-conflicting-overrides-check"] == "true"
            || !limits.File.TryGetValue(tenant.Value, out var own))
            return "";
        var fields = document.FieldsSetIn(own);
        return fields.Count == 0
            ? ""
            : $"{string.Join(", ", fields)}: set for this tenant in the overrides file, contact your system administrator or ask with skip-conflicting-overrides-check=true";
    }

    private static Task WriteAsync(HttpContext context, UserOverridesDocument document)
    {
        var json = document.ToJson();
        context.Response.Headers.ETag = Version;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = json.Length;
        return context.Response.Body.WriteAsync(json, context.RequestAborted).AsTask();
    }

    // Null if there is more than may be.
    private static async Task<byte[]?> ReadAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        var piece = new byte[16 * 1024];
        while (await context.Request.Body.ReadAsync(piece, context.RequestAborted).ConfigureAwait(false) is var length and > 0)
        {
            if (body.Length + length > MaxBodyBytes) return null;
            body.Write(piece, 0, length);
        }

        return body.ToArray();
    }

    private static bool HasMatch(HttpContext context) => context.Request.Headers.IfMatch.Count > 0;

    private static Task RefuseWithoutMatchAsync(HttpContext context) =>
        PlainText.WriteAsync(context, StatusCodes.Status428PreconditionRequired, "must specify If-Match header\n");
}
