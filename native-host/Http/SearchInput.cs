namespace Tempo.Host.Http;

/// <summary>A search as it was asked for, by URL or message, before limits and defaults.</summary>
internal sealed record SearchInput
{
    /// <summary>TraceQL, or empty.</summary>
    public string Query { get; init; } = "";

    /// <summary>The older way to ask; a null value is a word without one.</summary>
    public IReadOnlyList<(string Key, string? Value)> Tags { get; init; } = [];

    /// <summary>Unix seconds; null: not given, which 0 is not in a URL.</summary>
    public uint? Start { get; init; }
    public uint? End { get; init; }

    /// <summary>A duration before now that replaces start and end; empty: not given.</summary>
    public string Since { get; init; } = "";

    /// <summary>0: no bound.</summary>
    public long MinDurationNano { get; init; }
    public long MaxDurationNano { get; init; }

    /// <summary>Ours: asks for a page; null: not given.</summary>
    public string? Cursor { get; init; }

    /// <summary>Null or 0: the default.</summary>
    public uint? Limit { get; init; }
    public uint? SpansPerSpanSet { get; init; }
}
