using Microsoft.AspNetCore.Http;

namespace Tempo.Host.Http;

/// <summary><c>GET /api/echo</c>: what Grafana asks when a data source is saved.</summary>
internal static class EchoEndpoint
{
    public static ApiRoute Route() =>
        new("/api/echo", "api_echo", AllowedMethods.Any, static (context, _) =>
            PlainText.WriteAsync(context, StatusCodes.Status200OK, "echo\n"));
}
