namespace Tempo.Engine.Query.Tags;

/// <summary>Names of attributes, by scope.</summary>
public sealed class TagNamesResult
{
    /// <summary>Scopes that have names, in a fixed order; names sorted by their code units.</summary>
    public List<TagScopeNames> Scopes { get; } = [];

    /// <summary>Bytes of catalogs and row groups that were looked at.</summary>
    public ulong InspectedBytes { get; set; }

    /// <summary>What could not be read; empty if the answer is complete.</summary>
    public string Message { get; set; } = "";
}

/// <summary>The names of one scope.</summary>
public sealed record TagScopeNames(string Scope, IReadOnlyList<string> Names);

/// <summary>Values of one attribute, each once: by type, then by value.</summary>
public sealed class TagValuesResult
{
    public List<TagValueResult> Values { get; } = [];

    /// <summary>Bytes of catalogs and row groups that were looked at.</summary>
    public ulong InspectedBytes { get; set; }

    /// <summary>What could not be read; empty if the answer is complete.</summary>
    public string Message { get; set; } = "";
}

/// <summary>One value.</summary>
/// <param name="Type">string, int, float, bool, duration or keyword.</param>
/// <param name="Value">As text, whatever the type.</param>
public readonly record struct TagValueResult(string Type, string Value);
