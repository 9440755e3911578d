using System.Text;
using Tempo.Engine.Node.Overrides;

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

    /// <summary>The limits of one tenant, in the form of its entry in the overrides file.</summary>
    public static string RenderLimits(TenantLimits limits)
    {
        const string section = LimitKeys.Section + ".";
        var keys = ConfigSchema.Keys.OfType<ConfigValue>().Where(static k => k.Path.StartsWith(section, StringComparison.Ordinal));
        return Render(new StringBuilder(), keys, section.Length, new HostOptions { Limits = limits }, static _ => null);
    }

    private static string Render(HostOptions options, Func<ConfigValue, string?> leaveOut) =>
        Render(new StringBuilder("---\n"), ConfigSchema.Keys.OfType<ConfigValue>(), 0, options, leaveOut);

    private static string Render(
        StringBuilder text, IEnumerable<ConfigValue> keys, int pathStart, HostOptions options, Func<ConfigValue, string?> leaveOut)
    {
        string[] open = [];
        foreach (var key in keys)
        {
            if (key.Render(options) is not { } value || value == leaveOut(key)) continue;
            var parts = key.Path[pathStart..].Split('.');
            var shared = open.Zip(parts[..^1]).TakeWhile(static pair => pair.First == pair.Second).Count();
            for (var depth = shared; depth < parts.Length - 1; depth++) Indent(text, depth).Append(parts[depth]).Append(":\n");
            Indent(text, parts.Length - 1).Append(parts[^1]).Append(": ").Append(value).Append('\n');
            open = parts[..^1];
        }

        return text.ToString();
    }

    private static StringBuilder Indent(StringBuilder text, int depth) => text.Append(' ', depth * 2);
}
