namespace Tempo.Host.Http;

/// <summary>The name of a tag in a path.</summary>
internal static class TagName
{
    /// <summary>The server has decoded the path but for slashes, which it leaves so that they do not become separators.</summary>
    public static string Decode(string segment) => segment.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
