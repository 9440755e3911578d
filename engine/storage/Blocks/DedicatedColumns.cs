using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// The attributes that have a column of their own in a block, in the order in which columns are assigned: the i-th string
/// attribute of a scope lies in String0i, the i-th int attribute in Int0i (storage specification §4.5). The list in a
/// block's meta.json is authoritative for that block.
/// </summary>
public sealed class DedicatedColumns
{
    /// <summary>Most string and int columns of one scope in vParquet5.</summary>
    private const int MaxStringColumns = 20;
    private const int MaxIntColumns = 5;

    public static readonly DedicatedColumns None = new([]);

    private DedicatedColumns(IReadOnlyList<DedicatedColumnSpec> specs) => Specs = specs;

    public IReadOnlyList<DedicatedColumnSpec> Specs { get; }

    /// <summary>Checks the list; on false the error says which entry, what is wrong and the limit.</summary>
    public static bool TryCreate(IEnumerable<DedicatedColumnSpec> specs, out DedicatedColumns columns, out string error)
    {
        columns = None;
        var list = new List<DedicatedColumnSpec>();
        foreach (var spec in specs)
        {
            error = Check(spec, list);
            if (error.Length > 0) return false;
            list.Add(spec);
        }

        columns = new DedicatedColumns(list);
        error = "";
        return true;
    }

    /// <summary>These, and behind them what the others have besides, as far as there is room.</summary>
    public DedicatedColumns Union(DedicatedColumns others)
    {
        var list = Specs.ToList();
        foreach (var spec in others.Specs)
            if (Check(spec, list).Length == 0)
                list.Add(spec);
        return list.Count == Specs.Count ? this : new DedicatedColumns(list);
    }

    private static string Check(DedicatedColumnSpec spec, List<DedicatedColumnSpec> before)
    {
        if (spec.Name.Length == 0) return $"dedicated column {before.Count}: the name is empty";
        if (spec.Scope is not (AttributeScope.Span or AttributeScope.Resource or AttributeScope.Event))
            return $"dedicated column '{spec.Name}': scope {spec.Scope} has none; resource, span and event have";
        if (spec.Type is not (AttributeType.String or AttributeType.Int))
            return $"dedicated column '{spec.Name}': type {spec.Type}; string and int exist";
        if (before.Any(other => other.Scope == spec.Scope && other.Name == spec.Name))
            return $"dedicated column '{spec.Name}' stands twice in scope {spec.Scope}";
        var limit = spec.Type == AttributeType.String ? MaxStringColumns : MaxIntColumns;
        return before.Count(other => other.Scope == spec.Scope && other.Type == spec.Type) < limit
            ? ""
            : $"dedicated column '{spec.Name}': scope {spec.Scope} has at most {limit} columns of type {spec.Type}";
    }

    /// <summary>The columns of one scope with their field names, strings first, as they stand in the schema.</summary>
    public IEnumerable<(DedicatedColumnSpec Spec, string Field)> Of(AttributeScope scope)
    {
        foreach (var type in new[] { AttributeType.String, AttributeType.Int })
            foreach (var entry in OfType(scope, type))
                yield return entry;
    }

    private IEnumerable<(DedicatedColumnSpec, string)> OfType(AttributeScope scope, AttributeType type)
    {
        var number = 0;
        foreach (var spec in Specs)
            if (spec.Scope == scope && spec.Type == type)
                yield return (spec, $"{(type == AttributeType.String ? "String" : "Int")}{++number:00}");
    }
}

/// <summary>One attribute with a column of its own.</summary>
/// <param name="Scope">Span, Resource or Event.</param>
/// <param name="Type">String or Int.</param>
/// <param name="Options">What is known of the values.</param>
public readonly record struct DedicatedColumnSpec(AttributeScope Scope, string Name, AttributeType Type, DedicatedColumnOptions Options)
{
    /// <summary>
    /// Reads the words of meta.json and of the configuration. An empty scope is span, an empty type string; options that are not
    /// known are passed over. On false the error says which word is wrong.
    /// </summary>
    public static bool TryParse(
        string scope, string name, string type, IEnumerable<string> options, out DedicatedColumnSpec spec, out string error)
    {
        AttributeScope? knownScope = scope switch
        {
            "" or "span" => AttributeScope.Span,
            "resource" => AttributeScope.Resource,
            "event" => AttributeScope.Event,
            _ => null
        };
        AttributeType? knownType = type switch { "" or "string" => AttributeType.String, "int" => AttributeType.Int, _ => null };
        var flags = DedicatedColumnOptions.None;
        foreach (var option in options)
            flags |= option switch
            {
                "array" => DedicatedColumnOptions.Array,
                "blob" => DedicatedColumnOptions.Blob,
                _ => DedicatedColumnOptions.None
            };
        spec = new DedicatedColumnSpec(knownScope ?? default, name, knownType ?? default, flags);
        error = knownScope is null ? $"dedicated column '{name}': scope '{scope}'; resource, span and event have columns of their own"
            : knownType is null ? $"dedicated column '{name}': type '{type}'; string and int exist"
            : "";
        return error.Length == 0;
    }
}

[Flags]
public enum DedicatedColumnOptions
{
    None = 0,

    /// <summary>Values are arrays.</summary>
    Array = 1,

    /// <summary>Large unique text: no dictionary, no bounds.</summary>
    Blob = 2,
}
