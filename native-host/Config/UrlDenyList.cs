using System.Text.RegularExpressions;
using Tempo.Engine.TraceQL.Patterns;

namespace Tempo.Host.Config;

/// <summary><c>query_frontend.url_deny_list</c>: patterns of Go's syntax, looked for in the path and query of a request.</summary>
internal static class UrlDenyList
{
    private const int MaxPatterns = 1000;

    /// <summary>Null, or the error.</summary>
    public static string? Set(HostOptions options, YamlNode node)
    {
        if (node is not YamlSequence list) return "a list of patterns is expected";
        if (list.Items.Count > MaxPatterns) return $"{list.Items.Count} patterns, at most {MaxPatterns} are taken";
        var patterns = new List<string>();
        foreach (var item in list.Items)
        {
            if (item is not YamlScalar { IsNull: false } scalar) return $"entry at line {item.Line}: a pattern is expected";
            if (!TraceQlRegex.TryCompile(Anywhere(scalar.Text), out _, out var error)) return $"entry at line {item.Line}: {error}";
            patterns.Add(scalar.Text);
        }

        options.Api.UrlDenyList = patterns;
        return null;
    }

    public static string Render(HostOptions options) => $"[{string.Join(", ", options.Api.UrlDenyList.Select(GoText.Quote))}]";

    /// <summary>The matcher of a pattern that <see cref="Set"/> has accepted.</summary>
    public static Regex Compile(string pattern) =>
        TraceQlRegex.TryCompile(Anywhere(pattern), out var regex, out var error)
            ? regex
            : throw new ArgumentException(error, nameof(pattern));

    private static string Anywhere(string pattern) => $".*(?:{pattern}).*";
}
