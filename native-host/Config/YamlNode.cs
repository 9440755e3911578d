namespace Tempo.Host.Config;

/// <summary>One node of a configuration file, with the line (from 1) where it starts.</summary>
public abstract class YamlNode(int line)
{
    public int Line { get; } = line;

    /// <summary>Nodes below this one and itself, counting what aliases repeat: the cost of walking it.</summary>
    public long NodeCount { get; protected set; } = 1;
}

/// <summary>A value as written. A plain (unquoted) empty text, <c>~</c> or <c>null</c> is null.</summary>
public sealed class YamlScalar(int line, string text, bool quoted) : YamlNode(line)
{
    public string Text { get; } = text;
    public bool IsQuoted { get; } = quoted;
    public bool IsNull => !IsQuoted && Text is "" or "~" or "null" or "Null" or "NULL";
}

/// <summary>A mapping; keys are unique and in the order of the file.</summary>
public sealed class YamlMapping(int line) : YamlNode(line)
{
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private readonly List<YamlEntry> _entries = [];

    public IReadOnlyList<YamlEntry> Entries => _entries;

    /// <summary>False if the key is there already.</summary>
    public bool TryAdd(YamlEntry entry)
    {
        if (!_keys.Add(entry.Key)) return false;
        _entries.Add(entry);
        NodeCount += entry.Value.NodeCount;
        return true;
    }
}

/// <summary>A key of a mapping, the line it stands on, and its value.</summary>
public readonly record struct YamlEntry(string Key, int Line, YamlNode Value);

/// <summary>A list.</summary>
public sealed class YamlSequence(int line) : YamlNode(line)
{
    private readonly List<YamlNode> _items = [];

    public IReadOnlyList<YamlNode> Items => _items;

    public void Add(YamlNode item)
    {
        _items.Add(item);
        NodeCount += item.NodeCount;
    }
}
