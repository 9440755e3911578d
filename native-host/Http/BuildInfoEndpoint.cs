using Microsoft.AspNetCore.Http;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/status/buildinfo</c>: Grafana reads <c>version</c> to know which features to offer.</summary>
internal static class BuildInfoEndpoint
{
    // All fields are constants of the build; none needs escaping.
    private static readonly string Body =
        $$"""{"version":"{{BuildInfo.ApiVersion}}","revision":"{{BuildInfo.Revision}}","branch":"HEAD","buildUser":"",""" +
        $$"""
        "buildDate":"","goVersion":"{{BuildInfo.Framework}}"}

        """;

    public static ApiRoute Route() => new("/api/status/buildinfo", "api_status_buildinfo", AllowedMethods.Get, static (context, _) =>
    {
        context.Response.ContentType = QueryAnswer.Json;
        return context.Response.WriteAsync(Body, context.RequestAborted);
    });
}
