using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary><c>GET /status</c> and its parts: what this process is and what it runs with, for people.</summary>
/// <param name="options">What it runs with.</param>
/// <param name="services">The parts of the process and the state of each.</param>
/// <param name="routes">All routes of the API.</param>
/// <param name="runtimeConfig">The limits of the overrides file as YAML.</param>
internal sealed class StatusEndpoint(
    HostOptions options, Func<IReadOnlyList<(string Name, string State)>> services, Func<IReadOnlyList<ApiRoute>> routes,
    Func<string> runtimeConfig)
{
    private const string UnknownMode = "unknown value for mode query parameter: ";

    public ApiRoute[] Routes() =>
    [
        Page("/status", "status", () => Failpoints() + Version() + Services() + Endpoints() + RuntimeConfig() + Config()),
        Page("/status/version", "status_version", Version),
        Page("/status/services", "status_services", Services),
        Page("/status/endpoints", "status_endpoints", Endpoints),
        new("/status/runtime_config", "status_runtime_config", AllowedMethods.Get,
            (context, _) => AnswerModeAsync(context, mode => mode switch
            {
                "" or "diff" => RuntimeConfig(),
                _ => null,
            })),
        new("/status/config", "status_config", AllowedMethods.Get, (context, _) => AnswerModeAsync(context, mode => mode switch
        {
            "" => Config(),
            "defaults" => Heading("config") + EffectiveConfig.Render(new HostOptions()),
            "diff" => Heading("config") + EffectiveConfig.RenderDifference(options, new HostOptions()),
            _ => null,
        })),
    ];

    private static ApiRoute Page(string path, string name, Func<string> text) =>
        new(path, name, AllowedMethods.Get, (context, _) => PlainText.WriteAsync(context, StatusCodes.Status200OK, text()));

    private static Task AnswerModeAsync(HttpContext context, Func<string, string?> render)
    {
        var mode = context.Request.Query["mode"].ToString();
        return render(mode) is { } text
            ? PlainText.WriteAsync(context, StatusCodes.Status200OK, text)
            : PlainText.WriteAsync(context, StatusCodes.Status500InternalServerError, $"{UnknownMode}{GoText.Quote(mode)[1..^1]}\n");
    }

    private static string Heading(string page) => $"GET /status/{page}\n";

    private static string Version() => Heading("version") + BuildInfo.Describe();

    private string Services() =>
        Heading("services") + TextTable.Render([["service name", "status"], .. services().Select(static s => new[] { s.Name, s.State })]);

    // Only of a process that a test has started so.
    private static string Failpoints() => Tempo.Engine.Foundation.Failpoints.Armed is not { Length: > 0 } armed ? ""
        : Heading("failpoints") + TextTable.Render(
            [["failpoint", "reached"], ["on", armed],
                .. Tempo.Engine.Foundation.Failpoints.Reached()
                    .Select(static f => new[] { f.Name, f.Count.ToString(CultureInfo.InvariantCulture) })]);

    private string Endpoints() => Heading("endpoints") + TextTable.Render(
        [["name", "regex", "methods"], .. routes().OrderBy(static r => r.Path, StringComparer.Ordinal)
            .Select(static r => new[] { r.Name, r.Path, r.Methods.Describe() })]);

    private string RuntimeConfig() => Heading("runtime_config") + runtimeConfig();

    private string Config() => Heading("config") + EffectiveConfig.Render(options);
}
