using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Traces;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>What a request for a trace asks: which one, and where to look.</summary>
internal readonly record struct TraceByIdParameters(TraceId Id, TraceSelection Selection)
{
    /// <summary>Which spans to answer; null: all. Version 2 only.</summary>
    public TraceFilter? Filter { get; init; }

    /// <summary>Lets similar spans be one; null: none are. Version 2 only.</summary>
    public SpanPruning? Pruning { get; init; }

    /// <summary>
    /// Reads <c>q</c> and the depths around its matches; false with the text for the client. Throws
    /// <see cref="QueryException"/> for a filter that is none.
    /// </summary>
    public static bool TryParseFilter(IQueryCollection query, out TraceFilter? filter, out string error)
    {
        filter = null;
        if (!TryParseDepth(query, "match_depth", 0, out var matchDepth, out error)
            || !TryParseDepth(query, "ancestor_depth", TraceFilter.AllLevels, out var ancestorDepth, out error))
            return false;
        var keepsHierarchy = false;
        var text = query["keep_hierarchy"].ToString();
        if (text.Length > 0 && !GoText.TryParseBool(text, out keepsHierarchy))
        {
            error = $"invalid keep_hierarchy: strconv.ParseBool: parsing {GoText.Quote(text)}: invalid syntax";
            return false;
        }

        var q = query["q"].ToString();
        if (q.Length > 0) filter = TraceFilter.Create(q, matchDepth, keepsHierarchy ? ancestorDepth : 0);
        return true;
    }

    private static bool TryParseDepth(IQueryCollection query, string name, int absent, out int depth, out string error)
    {
        depth = absent;
        error = "";
        var text = query[name].ToString();
        if (text.Length == 0) return true;
        if (!GoText.TryParseInt(text, out var value, out error))
        {
            error = $"invalid {name}: {error}";
            return false;
        }

        if (value < TraceFilter.AllLevels) error = $"invalid {name}: must be at least -1";
        depth = (int)Math.Min(value, int.MaxValue);
        return error.Length == 0;
    }

    /// <summary>False with Tempo's text for the client.</summary>
    public static bool TryParse(string idText, IQueryCollection query, out TraceByIdParameters parameters, out string error)
    {
        parameters = default;
        if (!TryParseId(idText, out var id, out error)) return false;
        if (!TryParseSeconds(query, "start", out var start, out error) || !TryParseSeconds(query, "end", out var end, out error))
            return false;
        if (start != 0 && end != 0 && end <= start)
        {
            error = $"http parameter start must be before end. received start={start} end={end}";
            return false;
        }

        var mode = query["mode"].ToString();
        BlockId? first = null, last = null;
        if (mode is not ("" or "all" or "blocks" or "ingesters" or "external"))
            error = $"invalid value for mode {GoText.Quote(mode)[1..^1]}";
        else if (!IsUuid(query["blockStart"].ToString(), out first, out var bad)) error = $"invalid value for blockstart: {bad}";
        else if (!IsUuid(query["blockEnd"].ToString(), out last, out bad)) error = $"invalid value for blockEnd: {bad}";
        var selection = new TraceSelection
        {
            StartSeconds = start,
            EndSeconds = end,
            LeavesOutBlocks = mode == "ingesters",
            LeavesOutLive = mode == "blocks",
            FirstBlock = first,
            LastBlock = last,
            IsExternalOnly = mode == "external",
        };
        parameters = new TraceByIdParameters(id, selection);
        return error.Length == 0;
    }

    private static bool TryParseId(string text, out TraceId id, out string error)
    {
        id = default;
        error = "";
        for (var i = 0; i < text.Length && error.Length == 0; i++)
        {
            if (!char.IsAsciiHexDigit(text[i]))
                error = $"trace IDs can only contain hex characters: invalid character {Quote(text, i)} at position {i + 1}";
        }

        if (error.Length == 0 && !TraceId.TryParse(text, out id)) error = "trace IDs can't be larger than 128 bits";
        return error.Length == 0;
    }

    private static string Quote(string text, int index)
    {
        if (!char.IsSurrogate(text[index])) return char.IsControl(text[index]) ? $"'\\x{(int)text[index]:x2}'" : $"'{text[index]}'";
        return char.IsSurrogatePair(text, index) ? $"'{text.AsSpan(index, 2)}'" : "'\uFFFD'";
    }

    private static bool TryParseSeconds(IQueryCollection query, string name, out long seconds, out string error)
    {
        seconds = 0;
        error = "";
        var text = query[name].ToString();
        if (text.Length == 0 || GoText.TryParseInt(text, out seconds, out error)) return true;
        error = string.Create(CultureInfo.InvariantCulture, $"invalid {name}: {error}");
        return false;
    }

    // Null when the parameter is absent.
    private static bool IsUuid(string text, out BlockId? id, out string error)
    {
        id = null;
        error = "";
        if (text.Length == 0) return true;
        if (BlockId.TryParse(text, out var parsed))
        {
            id = parsed;
            return true;
        }

        error = text.Length == 36 ? "invalid UUID format" : $"invalid UUID length: {text.Length}";
        return false;
    }
}
