using Microsoft.AspNetCore.Http;
using Tempo.Engine.Query.Traces;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>
/// The parameters of <see cref="SpanPruning"/>: <c>span_pruning</c> and what follows from it, which is read with it alone.
/// </summary>
internal static class SpanPruningParameters
{
    private const int DefaultMinSpans = 5;
    private const int DefaultMaxParentDepth = 1;

    /// <summary>Keys and patterns in one list; more are a mistake.</summary>
    private const int MaxPatterns = 100;

    /// <summary>Null where it is not asked for; false with the text for the client.</summary>
    public static bool TryParse(IQueryCollection query, out SpanPruning? pruning, out string error)
    {
        pruning = null;
        error = "";
        var text = query["span_pruning"].ToString();
        if (text.Length == 0) return true;
        if (!GoText.TryParseBool(text, out var isWanted))
        {
            error = $"invalid span_pruning: strconv.ParseBool: parsing {GoText.Quote(text)}: invalid syntax";
            return false;
        }

        if (!isWanted) return true;
        if (!TryParse(query, "span_pruning_min_spans", DefaultMinSpans, 2, out var minSpans, out error)
            || !TryParse(
                query, "span_pruning_max_parent_depth", DefaultMaxParentDepth, SpanPruning.AllLevels, out var maxParentDepth, out error))
            return false;
        var groupBy =
            query["span_pruning_group_by"].ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (groupBy.Length > MaxPatterns)
        {
            error = $"invalid span_pruning_group_by: {groupBy.Length} keys, at most {MaxPatterns} are read";
            return false;
        }

        pruning = new SpanPruning(groupBy, minSpans, maxParentDepth);
        return true;
    }

    private static bool TryParse(IQueryCollection query, string name, int absent, int least, out int value, out string error)
    {
        value = absent;
        error = "";
        var text = query[name].ToString();
        if (text.Length == 0) return true;
        if (!GoText.TryParseInt(text, out var parsed, out error)) error = $"invalid {name}: {error}";
        else if (parsed < least) error = $"invalid {name}: must be at least {least}";
        value = (int)Math.Clamp(parsed, least, int.MaxValue);
        return error.Length == 0;
    }
}
