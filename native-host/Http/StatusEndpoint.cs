using Microsoft.AspNetCore.Http;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary><c>GET /status</c> and its parts: what this process is and what it runs with, for people.</summary>
internal static class StatusEndpoint
{
    public static ApiRoute[] Routes(HostOptions options) =>
    [
        Page("/status", "status", _ => Version() + Config(options)),
        Page("/status/version", "status_version", _ => Version()),
        new("/status/config", "status_config", AllowedMethods.Get, (context, _) => context.Request.Query["mode"].ToString() switch
        {
            "" => PlainText.WriteAsync(context, StatusCodes.Status200OK, Config(options)),
            "defaults" => PlainText.WriteAsync(context, StatusCodes.Status200OK, Config(new HostOptions())),
            "diff" => PlainText.WriteAsync(context, StatusCodes.Status501NotImplemented, "mode=diff is not available in this version\n"),
            var mode => PlainText.WriteAsync(
                context,
                StatusCodes.Status500InternalServerError,
                $"unknown value for mode query parameter: {GoText.Quote(mode)[1..^1]}\n"),
        }),
    ];

    private static ApiRoute Page(string path, string name, Func<HttpContext, string> text) =>
        new(path, name, AllowedMethods.Get, (context, _) => PlainText.WriteAsync(context, StatusCodes.Status200OK, text(context)));

    private static string Version() => "GET /status/version\n" + BuildInfo.Describe();

    private static string Config(HostOptions options) => "GET /status/config\n" + EffectiveConfig.Render(options);
}
