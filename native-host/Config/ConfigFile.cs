using System.Text;
using Tempo.Engine.Node.Overrides;

namespace Tempo.Host.Config;

/// <summary>
/// Reads a configuration file into <see cref="HostOptions"/>, strictly: what is not in <see cref="ConfigSchema"/>, or has
/// the wrong form, is an error with its line. What has no effect here is a warning.
/// </summary>
public static class ConfigFile
{
    internal const string LegacyOverrides =
        "DEPRECATED: legacy overrides config format detected but legacy overrides are disabled by default. "
        + "Move the keys below overrides.defaults, or set overrides.enable_legacy_overrides: true";

    /// <summary>Errors that one message lists; a file with more has one cause.</summary>
    private const int MaxErrors = 20;

    /// <summary>Reads and applies the file; returns the warnings.</summary>
    /// <exception cref="ConfigException">The file cannot be read, is not YAML, or is not our configuration.</exception>
    public static List<string> Load(string path, bool expandEnvironment, HostOptions options)
    {
        var text = ReadText(path);
        if (expandEnvironment) text = EnvironmentExpansion.Expand(path, text, Environment.GetEnvironmentVariable);
        return Apply(path, text, options);
    }

    /// <summary>Applies the text of a file; returns the warnings.</summary>
    /// <exception cref="ConfigException">See <see cref="Load"/>.</exception>
    public static List<string> Apply(string fileName, string text, HostOptions options)
    {
        var walk = new Walk(options);
        switch (YamlReader.Read(fileName, text))
        {
            case null or YamlScalar { IsNull: true }:
                break;
            case YamlMapping root:
                walk.Mapping(default, root);
                break;
            case { } other:
                throw new ConfigException($"{fileName}: line {other.Line}: the configuration is a mapping of keys");
        }

        if (walk.LegacyLines.Count > 0 && !options.AreLegacyOverridesEnabled) walk.Errors.Add(new(walk.LegacyLines[0], LegacyOverrides));
        if (walk.Errors.Count > 0) throw new ConfigException(string.Join('\n', walk.Errors.Select(error => error.In(fileName))));
        List<string> warnings =
            [.. walk.Warnings.Select(warning => warning.In(fileName)), .. options.Notes.Select(note => $"{fileName}: {note}")];
        options.Notes.Clear();
        if (options.Node.BlockVersion == "vParquet3")
        {
            options.Node = options.Node with { BlockVersion = "vParquet4" };
            warnings.Add($"{fileName}: storage.trace.block.version: vParquet3 blocks are read; new blocks are written as vParquet4");
        }

        return warnings;
    }

    /// <summary>
    /// Reads one tenant's entry of the overrides file, whose keys are those below <c>overrides.defaults</c> or, where the flat
    /// form is allowed, those of 2.x. What it leaves out is zero. Errors are added to <paramref name="errors"/>.
    /// </summary>
    internal static TenantLimits TenantEntry(string fileName, string tenant, YamlMapping entry, bool isLegacyAllowed, List<string> errors)
    {
        var options = new HostOptions { Limits = new TenantLimits() };
        var walk = new Walk(options);
        var isLegacy = entry.Entries.Any(static e => LimitKeys.IsLegacy(e.Key));
        // The keys are those of the defaults, and stand below the tenant.
        walk.Mapping(isLegacy ? new Place("overrides", "overrides") : new Place(LimitKeys.Section, $"overrides.{tenant}"), entry);
        if (isLegacy && !isLegacyAllowed) errors.Add(new Remark(entry.Line, LegacyOverrides).In(fileName));
        errors.AddRange(walk.Errors.Select(error => error.In(fileName)));
        return options.Limits;
    }

    /// <summary>
    /// Lays keys below <c>overrides.defaults</c> over the limits of the options; returns what is wrong with them, each named without that
    /// section.
    /// </summary>
    internal static IEnumerable<string> ApplyLimits(YamlMapping limits, HostOptions options)
    {
        var walk = new Walk(options);
        walk.Mapping(new Place(LimitKeys.Section, ""), limits);
        return walk.Errors.Select(static error => error.Text);
    }

    /// <summary>The text of a configuration file.</summary>
    /// <exception cref="ConfigException">It cannot be read, or is too large.</exception>
    internal static string ReadText(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > YamlReader.MaxFileBytes)
                throw new ConfigException($"{path}: {file.Length} bytes, at most {YamlReader.MaxFileBytes} are read");
            using var reader = new StreamReader(file, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"failed to read configFile {path}: {e.Message}");
        }
        catch (DecoderFallbackException)
        {
            throw new ConfigException($"{path}: not UTF-8");
        }
    }

    /// <summary>What is to be said of a line.</summary>
    private readonly record struct Remark(int Line, string Text)
    {
        public string In(string fileName) => $"{fileName}: line {Line}: {Text}";
    }

    /// <summary>The path of a key, and what it is called to whoever has written the file.</summary>
    private readonly record struct Place(string? Path, string? Name)
    {
        public Place Below(string key) => new(Below(Path, key), Below(Name, key));

        private static string Below(string? section, string key) => section is { Length: > 0 } ? $"{section}.{key}" : key;
    }

    private sealed class Walk(HostOptions options)
    {
        public List<Remark> Errors { get; } = [];
        public List<Remark> Warnings { get; } = [];

        /// <summary>Lines of flat overrides keys.</summary>
        public List<int> LegacyLines { get; } = [];

        public void Mapping(Place section, YamlMapping mapping)
        {
            foreach (var entry in mapping.Entries)
            {
                if (Errors.Count >= MaxErrors) return;
                Entry(section, entry);
            }
        }

        private readonly HashSet<string> _receivers = new(StringComparer.Ordinal);

        private void Entry(Place section, YamlEntry entry)
        {
            if (section.Path == ReceiverKeys.Section)
            {
                if (ReceiverKeys.TypeOf(entry.Key, _receivers, out var wrong) is not { } type)
                {
                    Error(entry.Line, wrong);
                    return;
                }

                entry = entry with { Key = type };
            }

            var place = section.Below(entry.Key);
            var path = place.Path!;
            switch (ConfigSchema.Find(path))
            {
                case ConfigValue value:
                    if (LimitKeys.IsLegacyPath(path)) LegacyLines.Add(entry.Line);
                    if (value.Apply(options, entry.Value) is { } error) Error(entry.Line, $"{place.Name}: {error}");
                    return;
                case ConfigWithoutEffect unused:
                    Warnings.Add(new(entry.Line, $"{place.Name} has no effect: {unused.Reason}"));
                    return;
                // A file with every key of Tempo's reference has it at its default.
                case ConfigRefused { IsAskedForByName: false } when IsUnset(entry.Value):
                    return;
                case ConfigRefused refused:
                    Error(entry.Line, $"{place.Name}: {refused.Reason}");
                    return;
                case ConfigSection present:
                    present.Enter(options);
                    break;
                case null when !ConfigSchema.IsSection(path):
                    Error(entry.Line, $"field {GoText.Quote(entry.Key)[1..^1]} not found in {(section.Name is { Length: > 0 } name ? $"section {name}" : "the configuration")}");
                    return;
            }

            if (entry.Value is YamlMapping below) Mapping(place, below);
            else if (entry.Value is not YamlScalar { IsNull: true }) Error(entry.Line, $"{place.Name}: a mapping of keys is expected");
        }

        private static bool IsUnset(YamlNode value) => value switch
        {
            YamlScalar { IsNull: true } or YamlScalar { Text: "" or "false" } => true,
            YamlMapping { Entries.Count: 0 } or YamlSequence { Items.Count: 0 } => true,
            _ => false,
        };

        private void Error(int line, string text) => Errors.Add(new(line, text));
    }
}
