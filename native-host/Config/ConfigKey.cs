using System.Buffers;
using System.Globalization;

namespace Tempo.Host.Config;

/// <summary>What the configuration may say at one path. The table of all of them is <see cref="ConfigSchema"/>.</summary>
/// <param name="Path">Keys from the root, joined by dots.</param>
public abstract record ConfigKey(string Path);

/// <summary>A section whose mere presence means something, even when it is empty.</summary>
public sealed record ConfigSection(string Path, Action<HostOptions> Enter) : ConfigKey(Path);

/// <summary>A key, or a whole subtree, that Tempo knows and that has no effect here; the operator is told why.</summary>
public sealed record ConfigWithoutEffect(string Path, string Reason) : ConfigKey(Path);

/// <summary>
/// A key that must not be passed over in silence, because the process would do something else than asked (serve without
/// TLS, say).
/// </summary>
public sealed record ConfigRefused(string Path, string Reason) : ConfigKey(Path)
{
    /// <summary>Naming it is asking for it; of all others an empty value is what they have if nobody names them.</summary>
    public bool IsAskedForByName { get; init; }
}

/// <summary>A key with a value of its own.</summary>
/// <param name="Path">See <see cref="ConfigKey"/>.</param>
/// <param name="Apply">Reads the value into the options; null, or the error in the form "cannot unmarshal …".</param>
/// <param name="Render">The effective value as YAML, null when it does not apply.</param>
public abstract record ConfigValue(string Path, Func<HostOptions, string?> Render) : ConfigKey(Path)
{
    public abstract string? Apply(HostOptions options, YamlNode node);
}

/// <summary>A scalar key, which can also be given as a flag.</summary>
public sealed record ConfigScalar(
    string Path, Func<HostOptions, string, string?> Set, Func<HostOptions, string?> Render) : ConfigValue(Path, Render)
{
    public override string? Apply(HostOptions options, YamlNode node) => node switch
    {
        YamlScalar { IsNull: true } => null,
        YamlScalar scalar => Set(options, scalar.Text),
        _ => "a single value is expected",
    };

    public static ConfigScalar Text(string path, Action<HostOptions, string> set, Func<HostOptions, string> get) =>
        new(path, (o, text) => Done(() => set(o, text)), o => QuoteYaml(get(o)));

    /// <summary>A folder; an empty one would be the working directory of whoever starts the process.</summary>
    public static ConfigScalar Folder(string path, Action<HostOptions, string> set, Func<HostOptions, string> get) =>
        new(path, (o, text) => text.Length == 0 ? "must not be empty" : Done(() => set(o, text)), o => QuoteYaml(get(o)));

    public static ConfigScalar Choice<T>(
        string path, (string Name, T Value)[] choices, Action<HostOptions, T> set, Func<HostOptions, T> get) =>
        new(path, (o, text) =>
        {
            foreach (var (name, value) in choices)
                if (string.Equals(name, text, StringComparison.OrdinalIgnoreCase)) return Done(() => set(o, value));
            return $"unknown value {GoText.Quote(text)}, known are {string.Join(", ", choices.Select(c => c.Name))}";
        }, o => choices.First(c => EqualityComparer<T>.Default.Equals(c.Value, get(o))).Name);

    public static ConfigScalar Bool(string path, Action<HostOptions, bool> set, Func<HostOptions, bool> get) =>
        new(path, (o, text) => text switch
        {
            "true" or "True" or "TRUE" or "yes" or "on" => Done(() => set(o, true)),
            "false" or "False" or "FALSE" or "no" or "off" => Done(() => set(o, false)),
            _ => CannotUnmarshal(text, "bool"),
        }, o => get(o) ? "true" : "false");

    public static ConfigScalar Int(string path, int min, int max, Action<HostOptions, int> set, Func<HostOptions, int?> get) =>
        new(path, (o, text) =>
        {
            if (!ByteSize.TryParseWhole(text, out var value)) return CannotUnmarshal(text, "int");
            return value < min || value > max ? $"{value} is out of range, {min} to {max} is allowed" : Done(() => set(o, (int)value));
        }, o => get(o)?.ToString(CultureInfo.InvariantCulture));

    public static ConfigScalar Bytes(string path, long min, long max, Action<HostOptions, long> set, Func<HostOptions, long?> get) =>
        new(path, (o, text) =>
        {
            if (!ByteSize.TryParse(text, out var value)) return CannotUnmarshal(text, "int");
            return value < min || value > max ? $"{value} bytes is out of range, {min} to {max} is allowed" : Done(() => set(o, value));
        }, o => get(o)?.ToString(CultureInfo.InvariantCulture));

    public static ConfigScalar Fraction(
        string path, double min, double max, Action<HostOptions, double> set, Func<HostOptions, double> get) =>
        new(path, (o, text) =>
        {
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
                return CannotUnmarshal(text, "float64");
            return value >= min && value <= max
                ? Done(() => set(o, value))
                : string.Create(CultureInfo.InvariantCulture, $"{value} is out of range, {min} to {max} is allowed");
        }, o => get(o).ToString("R", CultureInfo.InvariantCulture));

    /// <summary>A duration that is not negative.</summary>
    public static ConfigScalar Duration(string path, TimeSpan max, Action<HostOptions, TimeSpan> set, Func<HostOptions, TimeSpan> get) =>
        Duration(path, TimeSpan.Zero, max, set, get);

    public static ConfigScalar Duration(
        string path, TimeSpan min, TimeSpan max, Action<HostOptions, TimeSpan> set, Func<HostOptions, TimeSpan> get) =>
        new(path, (o, text) =>
        {
            if (!GoDuration.TryParse(text, out var nanoseconds, out _)) return CannotUnmarshal(text, "time.Duration");
            var value = TimeSpan.FromTicks(nanoseconds / 100);
            return value < min || value > max
                ? $"{text} is out of range, {GoDuration.Format(min)} to {GoDuration.Format(max)} is allowed"
                : Done(() => set(o, value));
        }, o => GoDuration.Format(get(o)));

    public static ConfigScalar Address(string path, Action<HostOptions, ListenAddress> set, Func<HostOptions, ListenAddress?> get) =>
        new(path, (o, text) => ListenAddress.TryParse(text, out var address)
            ? Done(() => set(o, address))
            : $"{GoText.Quote(text)} is not an address and port such as 127.0.0.1:4317",
            o => get(o) is { } address ? QuoteYaml(address.ToString()) : null);

    internal static string QuoteYaml(string text) =>
        text.Length > 0 && char.IsAsciiLetter(text[0]) && !text.AsSpan().ContainsAnyExcept(PlainYaml) ? text : GoText.Quote(text);

    private static readonly SearchValues<char> PlainYaml =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./");

    private static string CannotUnmarshal(string text, string type)
    {
        var tag = ByteSize.TryParseWhole(text, out _) ? "!!int" : text is "true" or "false" ? "!!bool" : "!!str";
        return $"cannot unmarshal {tag} `{GoText.Quote(text)[1..^1]}` into {type}";
    }

    private static string? Done(Action set)
    {
        set();
        return null;
    }
}

/// <summary>A key with a list or a mapping below it.</summary>
public sealed record ConfigStructure(
    string Path, Func<HostOptions, YamlNode, string?> Set, Func<HostOptions, string?> Render) : ConfigValue(Path, Render)
{
    public override string? Apply(HostOptions options, YamlNode node) => node is YamlScalar { IsNull: true } ? null : Set(options, node);
}
