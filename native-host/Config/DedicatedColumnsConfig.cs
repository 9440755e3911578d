using Tempo.Engine.Node;

namespace Tempo.Host.Config;

/// <summary><c>parquet_dedicated_columns</c>: a list of <c>{scope, name, type, options}</c>.</summary>
internal static class DedicatedColumnsConfig
{
    // Ten string columns per scope, and five integer ones, are what the block format has room for, in three scopes.
    private const int MaxColumns = 3 * (10 + 5) * 2;

    /// <summary>Null, or the error; a wrong entry names its own line.</summary>
    public static string? Set(HostOptions options, YamlNode node) =>
        Read(node, columns => options.Node = options.Node with { DedicatedColumns = columns });

    /// <summary>The same for a list that stands elsewhere.</summary>
    public static string? Read(YamlNode node, Action<IReadOnlyList<DedicatedColumnOption>> set)
    {
        if (node is not YamlSequence list) return "a list is expected";
        if (list.Items.Count > MaxColumns) return $"{list.Items.Count} columns, at most {MaxColumns} fit in a block";
        var columns = new List<DedicatedColumnOption>();
        foreach (var item in list.Items)
        {
            if (item is not YamlMapping mapping) return $"entry at line {item.Line}: scope, name and type are expected";
            if (ReadColumn(mapping, out var column) is { } error) return $"entry at line {item.Line}: {error}";
            columns.Add(column);
        }

        set(columns);
        return null;
    }

    public static string Render(HostOptions options) => Render(options.Node.DedicatedColumns);

    public static string Render(IReadOnlyList<DedicatedColumnOption> columns) =>
        $"[{string.Join(", ", columns.Select(static c =>
            $"{{scope: {c.Scope}, name: {GoText.Quote(c.Name)}, type: {c.Type}, options: [{string.Join(", ", c.Options)}]}}"))}]";

    private static string? ReadColumn(YamlMapping mapping, out DedicatedColumnOption column)
    {
        var (scope, name, type) = ("span", "", "string");
        List<string> flags = [];
        column = new DedicatedColumnOption(scope, name, type, flags);
        foreach (var (key, _, value) in mapping.Entries)
        {
            switch (key, value)
            {
                case ("scope", YamlScalar { Text: "resource" or "span" or "event" } text): scope = text.Text; break;
                case ("name", YamlScalar { Text.Length: > 0 } text): name = text.Text; break;
                case ("type", YamlScalar { Text: "string" or "int" } text): type = text.Text; break;
                case ("options", YamlSequence list):
                    foreach (var item in list.Items)
                    {
                        if (item is not YamlScalar { Text: "array" or "blob" } flag) return "options are array and blob";
                        flags.Add(flag.Text);
                    }

                    break;
                case ("scope" or "name" or "type" or "options", _): return $"{key} has a value that is not known";
                default: return $"field {key} not found in parquet_dedicated_columns";
            }
        }

        if (name.Length == 0) return "name is missing";
        column = new DedicatedColumnOption(scope, name, type, flags);
        return null;
    }
}
