using Microsoft.AspNetCore.Http;

namespace Tempo.Host.Http;

/// <summary>Pages of what one process alone does not have; the words are Tempo's.</summary>
internal static class SingleProcessEndpoints
{
    public static ApiRoute[] Routes() =>
    [
        Page("/memberlist", "memberlist", "This instance doesn't use memberlist."),
        Page("/status/usage-stats", "status_usage_stats", "usage-stats is not enabled\n"),
    ];

    private static ApiRoute Page(string path, string name, string text) =>
        new(path, name, AllowedMethods.Get, (context, _) => PlainText.WriteAsync(context, StatusCodes.Status200OK, text));
}
