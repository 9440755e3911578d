using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;

namespace Tempo.Host.Overrides;

/// <summary>
/// The overrides file: <c>overrides: {&lt;tenant&gt; or "*": {limits}}</c>. Either the whole file is good, or nothing of it counts.
/// </summary>
internal static class OverridesFile
{
    /// <summary>Errors that one message lists.</summary>
    private const int MaxErrors = 20;

    /// <summary>Reads the file.</summary>
    /// <exception cref="ConfigException">It cannot be read, or something in it is wrong; the message has file, line and key.</exception>
    public static Dictionary<string, TenantLimits> Load(HostOptions options) =>
        Parse(options.OverridesFile, ReadText(options), options.AreLegacyOverridesEnabled);

    /// <summary>The file's text, with the environment's variables put in.</summary>
    /// <exception cref="ConfigException">It cannot be read.</exception>
    public static string ReadText(HostOptions options)
    {
        var text = ConfigFile.ReadText(options.OverridesFile);
        return options.ExpandEnvironment
            ? EnvironmentExpansion.Expand(options.OverridesFile, text, Environment.GetEnvironmentVariable)
            : text;
    }

    /// <summary>Reads the text of a file.</summary>
    /// <exception cref="ConfigException">See <see cref="Load"/>.</exception>
    public static Dictionary<string, TenantLimits> Parse(string fileName, string text, bool isLegacyAllowed)
    {
        var tenants = new Dictionary<string, TenantLimits>(StringComparer.Ordinal);
        var errors = new List<string>();

        // Most likely it is just being written; taking it for "no limits" would be the worst reading.
        if (string.IsNullOrWhiteSpace(text))
            throw new ConfigException($"{fileName}: the file is empty; write overrides: {{}} for no limits of tenants");
        foreach (var (key, line, value) in MappingOf(fileName, YamlReader.Read(fileName, text), "the overrides file"))
        {
            if (key != "overrides")
                errors.Add($"{fileName}: line {line}: field {GoText.Quote(key)[1..^1]} not found in the overrides file");
            else ReadTenants(fileName, MappingOf(fileName, value, "overrides"), isLegacyAllowed, tenants, errors);
        }

        return errors.Count == 0 ? tenants : throw new ConfigException(string.Join('\n', errors.Take(MaxErrors)));
    }

    private static void ReadTenants(
        string fileName, IReadOnlyList<YamlEntry> entries, bool isLegacyAllowed, Dictionary<string, TenantLimits> tenants,
        List<string> errors)
    {
        foreach (var (name, line, value) in entries)
        {
            if (name != TenantOverrides.Wildcard && !TenantId.TryParse(name, out _, out var wrong))
                errors.Add($"{fileName}: line {line}: {wrong}");
            else if (value is YamlMapping mapping) tenants[name] = ConfigFile.TenantEntry(fileName, name, mapping, isLegacyAllowed, errors);
            else if (value is YamlScalar { IsNull: true }) tenants[name] = new TenantLimits();
            else errors.Add($"{fileName}: line {line}: {name}: a mapping of limits is expected");
            if (errors.Count >= MaxErrors) return;
        }
    }

    private static IReadOnlyList<YamlEntry> MappingOf(string fileName, YamlNode? node, string what) => node switch
    {
        YamlMapping mapping => mapping.Entries,
        null or YamlScalar { IsNull: true } => [],
        _ => throw new ConfigException($"{fileName}: line {node.Line}: {what} is a mapping of keys"),
    };
}
