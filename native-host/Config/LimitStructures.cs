using System.Globalization;
using Tempo.Engine.Node.Overrides;

namespace Tempo.Host.Config;

/// <summary>Limits that are lists and mappings, and how they are written back.</summary>
internal static class LimitStructures
{
    /// <summary>Entries of one list or mapping; more are a mistake.</summary>
    private const int MaxItems = 10_000;

    public static ConfigStructure Texts(
        string path, Func<TenantLimits, IReadOnlyList<string>, TenantLimits> set, Func<TenantLimits, IReadOnlyList<string>> get) =>
            new(path, (o, node) => ReadTexts(node, out var texts) ?? Done(() => o.Limits = set(o.Limits, texts)),
                o => List(get(o.Limits).Select(GoText.Quote)));

    public static ConfigStructure Numbers(
        string path, Func<TenantLimits, IReadOnlyList<double>, TenantLimits> set, Func<TenantLimits, IReadOnlyList<double>> get) =>
            new(path, (o, node) => ReadNumbers(node, out var numbers) ?? Done(() => o.Limits = set(o.Limits, numbers)),
                o => List(get(o.Limits).Select(static n => n.ToString("R", CultureInfo.InvariantCulture))));

    public static ConfigStructure Map(
        string path, Func<TenantLimits, IReadOnlyList<KeyValuePair<string, string>>, TenantLimits> set,
        Func<TenantLimits, IReadOnlyList<KeyValuePair<string, string>>> get) =>
        new(path, (o, node) => ReadMap(node, out var map) ?? Done(() => o.Limits = set(o.Limits, map)),
            o => Mapping(get(o.Limits).Select(static p => (p.Key, GoText.Quote(p.Value)))));

    /// <summary>A mapping whose values are never written back.</summary>
    public static ConfigStructure Secrets(
        string path, Func<TenantLimits, IReadOnlyList<KeyValuePair<string, string>>, TenantLimits> set,
        Func<TenantLimits, IReadOnlyList<KeyValuePair<string, string>>> get) =>
        Map(path, set, get) with { Render = o => Mapping(get(o.Limits).Select(static p => (p.Key, "<secret>"))) };

    public static ConfigStructure Switches(
        string path, Func<TenantLimits, IReadOnlyList<KeyValuePair<string, bool>>, TenantLimits> set,
        Func<TenantLimits, IReadOnlyList<KeyValuePair<string, bool>>> get) =>
        new(path, (o, node) =>
        {
            if (ReadMap(node, out var map) is { } error) return error;
            foreach (var (key, value) in map)
                if (value is not ("true" or "false")) return $"{key}: {GoText.Quote(value)} is neither true nor false";
            o.Limits = set(o.Limits, [.. map.Select(static p => new KeyValuePair<string, bool>(p.Key, p.Value == "true"))]);
            return null;
        }, o => Mapping(get(o.Limits).Select(static p => (p.Key, p.Value ? "true" : "false"))));

    public static ConfigStructure Policies(
        string path, Func<TenantLimits, IReadOnlyList<FilterPolicy>, TenantLimits> set,
        Func<TenantLimits, IReadOnlyList<FilterPolicy>> get) =>
        new(path, (o, node) => ReadEach<FilterPolicy>(node, ReadPolicy, out var policies) ?? Done(() => o.Limits = set(o.Limits, policies)),
            o => List(get(o.Limits).Select(RenderPolicy)));

    public static ConfigStructure Mappings(
        string path, Func<TenantLimits, IReadOnlyList<DimensionMapping>, TenantLimits> set,
        Func<TenantLimits, IReadOnlyList<DimensionMapping>> get) =>
        new(path, (o, node) =>
            ReadEach<DimensionMapping>(node, ReadMapping, out var mappings) ?? Done(() => o.Limits = set(o.Limits, mappings)),
            o => List(get(o.Limits).Select(
                static m => $"{{name: {GoText.Quote(m.Name)}, source_labels: {List(m.SourceLabels.Select(GoText.Quote))}, join: {GoText.Quote(m.Join)}}}")));

    private delegate string? ReadItem<T>(YamlMapping mapping, out T item);

    private static string? ReadEach<T>(YamlNode node, ReadItem<T> read, out List<T> items)
    {
        items = [];
        if (node is not YamlSequence list) return "a list is expected";
        if (list.Items.Count > MaxItems) return $"{list.Items.Count} entries, at most {MaxItems} are read";
        foreach (var entry in list.Items)
        {
            if (entry is not YamlMapping mapping) return $"entry at line {entry.Line}: a mapping is expected";
            if (read(mapping, out var item) is { } error) return $"entry at line {entry.Line}: {error}";
            items.Add(item);
        }

        return null;
    }

    private static string? ReadMapping(YamlMapping mapping, out DimensionMapping result)
    {
        var (name, join) = ("", "");
        List<string> labels = [];
        result = new DimensionMapping(name, labels, join);
        foreach (var (key, _, value) in mapping.Entries)
        {
            switch (key, value)
            {
                case ("name", YamlScalar text): name = text.Text; break;
                case ("join", YamlScalar text): join = text.Text; break;
                case ("source_labels" or "source_label", _):
                    if (ReadTexts(value, out labels) is { } error) return $"{key}: {error}";
                    break;
                default: return $"field {key} not found in dimension_mappings";
            }
        }

        if (name.Length == 0) return "name is missing";
        result = new DimensionMapping(name, labels, join);
        return null;
    }

    private static string? ReadPolicy(YamlMapping mapping, out FilterPolicy policy)
    {
        policy = new FilterPolicy(null, null, null);
        foreach (var (key, line, value) in mapping.Entries)
        {
            if (key is not ("include" or "include_any" or "exclude")) return $"field {key} not found in filter_policies";
            if (value is not YamlMapping inner) return $"{key} at line {line}: match_type and attributes are expected";
            if (ReadMatch(inner, out var match) is { } error) return $"{key}: {error}";
            policy = key switch
            {
                "include" => policy with { Include = match },
                "include_any" => policy with { IncludeAny = match },
                _ => policy with { Exclude = match },
            };
        }

        return null;
    }

    private static string? ReadMatch(YamlMapping mapping, out FilterMatch match)
    {
        var type = "";
        List<KeyValuePair<string, string>> attributes = [];
        match = new FilterMatch(type, attributes);
        foreach (var (key, line, value) in mapping.Entries)
        {
            switch (key, value)
            {
                case ("match_type", YamlScalar { Text: "strict" or "regex" } text): type = text.Text; break;
                case ("attributes", YamlSequence list):
                    foreach (var item in list.Items)
                    {
                        if (ReadMap(item, out var pair) is not null) return $"attributes at line {line}: key and value are expected";
                        var (name, wanted) = (pair.Find(static p => p.Key == "key").Value, pair.Find(static p => p.Key == "value").Value);
                        if (name is null || wanted is null || pair.Count != 2)
                            return $"attributes at line {line}: key and value are expected";
                        attributes.Add(new KeyValuePair<string, string>(name, wanted));
                    }

                    break;
                default: return $"{key} is not known, or has a value that is not";
            }
        }

        // Tempo does not guess either.
        if (type.Length == 0) return "match_type is missing, strict or regex";
        match = new FilterMatch(type, attributes);
        return null;
    }

    internal static string? ReadTexts(YamlNode node, out List<string> texts)
    {
        texts = [];

        // A single word, or words with commas, is what the flat form of 2.x took too.
        if (node is YamlScalar single)
        {
            texts.AddRange(single.Text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
            return null;
        }

        if (node is not YamlSequence list) return "a list is expected";
        if (list.Items.Count > MaxItems) return $"{list.Items.Count} entries, at most {MaxItems} are read";
        foreach (var item in list.Items)
        {
            if (item is not YamlScalar text) return $"entry at line {item.Line}: a single value is expected";
            texts.Add(text.Text);
        }

        return null;
    }

    private static string? ReadNumbers(YamlNode node, out List<double> numbers)
    {
        numbers = [];
        if (ReadTexts(node, out var texts) is { } error) return error;
        foreach (var text in texts)
        {
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
                return $"{GoText.Quote(text)} is not a number";
            numbers.Add(number);
        }

        return null;
    }

    internal static string? ReadMap(YamlNode node, out List<KeyValuePair<string, string>> map)
    {
        map = [];
        if (node is not YamlMapping mapping) return "a mapping is expected";
        if (mapping.Entries.Count > MaxItems) return $"{mapping.Entries.Count} entries, at most {MaxItems} are read";
        foreach (var (key, line, value) in mapping.Entries)
        {
            if (value is not YamlScalar text) return $"{key} at line {line}: a single value is expected";
            map.Add(new KeyValuePair<string, string>(key, text.Text));
        }

        return null;
    }

    private static string RenderPolicy(FilterPolicy policy)
    {
        var parts = new List<(string, string)>();
        if (policy.Include is { } include) parts.Add(("include", RenderMatch(include)));
        if (policy.IncludeAny is { } any) parts.Add(("include_any", RenderMatch(any)));
        if (policy.Exclude is { } exclude) parts.Add(("exclude", RenderMatch(exclude)));
        return Mapping(parts);
    }

    private static string RenderMatch(FilterMatch match) => Mapping(
    [
        ("match_type", match.MatchType),
        ("attributes", List(match.Attributes.Select(static a => $"{{key: {GoText.Quote(a.Key)}, value: {GoText.Quote(a.Value)}}}"))),
    ]);

    internal static string List(IEnumerable<string> items) => $"[{string.Join(", ", items)}]";

    internal static string Mapping(IEnumerable<(string Key, string Value)> entries) =>
        $"{{{string.Join(", ", entries.Select(static e => $"{e.Key}: {e.Value}"))}}}";

    private static string? Done(Action set)
    {
        set();
        return null;
    }
}
