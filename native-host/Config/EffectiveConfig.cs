using System.Text;

namespace Tempo.Host.Config;

/// <summary>
/// The options in the form of a configuration file; receivers that are not started are left out. A key that is a secret
/// renders itself as <c>&lt;secret&gt;</c>.
/// </summary>
public static class EffectiveConfig
{
    public static string Render(HostOptions options) => Render(options, static _ => null);

    /// <summary>Only what differs from <paramref name="other"/>.</summary>
    public static string RenderDifference(HostOptions options, HostOptions other) => Render(options, key => key.Render(other));

    private static string Render(HostOptions options, Func<ConfigValue, string?> leaveOut)
    {
        var text = new StringBuilder("---\n");
        string[] open = [];
        foreach (var key in ConfigSchema.Keys.OfType<ConfigValue>())
        {
            if (key.Render(options) is not { } value || value == leaveOut(key)) continue;
            var parts = key.Path.Split('.');
            var shared = open.Zip(parts[..^1]).TakeWhile(static pair => pair.First == pair.Second).Count();
            for (var depth = shared; depth < parts.Length - 1; depth++) Indent(text, depth).Append(parts[depth]).Append(":\n");
            Indent(text, parts.Length - 1).Append(parts[^1]).Append(": ").Append(value).Append('\n');
            open = parts[..^1];
        }

        return text.ToString();
    }

    private static StringBuilder Indent(StringBuilder text, int depth) => text.Append(' ', depth * 2);
}
