using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Operators;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Stages;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Traces;

/// <summary>
/// Chooses spans of a trace for an answer by id: those that match <c>{ condition }</c>, levels of children below them, and
/// levels of ancestors above. Keeps scratch memory: one request's.
/// </summary>
public sealed class TraceFilter
{
    /// <summary>Of a depth: as far as it goes.</summary>
    public const int AllLevels = -1;

    private readonly SpanSelector _selector;
    private readonly int _matchDepth;
    private readonly int _ancestorDepth;

    private TraceFilter(SpansetFilter filter, int matchDepth, int ancestorDepth)
    {
        _selector = OperatorCompiler.Compile(filter, [], new Patience());
        var fields = ReferencedAttributes.Of(filter);
        Needs = new TraceNeeds { Columns = BatchColumns.Spans | FieldColumns.WithoutAttributes(fields), Fields = fields, HasTree = true };
        _matchDepth = matchDepth;
        _ancestorDepth = ancestorDepth;
    }

    /// <summary>Throws <see cref="QueryException"/> for what is not one spanset filter.</summary>
    /// <param name="query"><c>{ condition }</c>.</param>
    /// <param name="matchDepth">Levels of children below a match; <see cref="AllLevels"/>.</param>
    /// <param name="ancestorDepth">Levels of ancestors above a match; 0: none; <see cref="AllLevels"/>.</param>
    public static TraceFilter Create(string query, int matchDepth, int ancestorDepth)
    {
        if (!TraceQlParser.TryParse(query, out var parsed, out var error)) throw Wrong(error.Message);
        if (parsed.Metrics is not null || parsed.SearchPipeline is not Pipeline { Stages: [SpansetFilter filter] })
            throw Wrong("one spanset filter { } is expected");
        return new TraceFilter(filter, matchDepth, ancestorDepth);
    }

    /// <summary>What the decision needs of the whole trace.</summary>
    internal TraceNeeds Needs { get; }

    internal bool[] Apply(OrderedTrace trace)
    {
        var all = new List<int>(trace.SpanCount);
        for (var i = 0; i < trace.SpanCount; i++) all.Add(i);
        var matches = new List<int>();
        _selector.Select(trace, all, matches);
        var kept = new bool[trace.SpanCount];
        foreach (var match in matches) kept[match] = true;
        if (_matchDepth != 0) AddDescendants(trace, matches, kept);
        if (_ancestorDepth != 0) AddAncestors(trace, matches, kept);
        return kept;
    }

    // A span is kept if it is at most so many levels below the nearest match. The levels are found from each span upward and
    // remembered, so every span is walked over once or twice, however long the chains are.
    private void AddDescendants(OrderedTrace trace, List<int> matches, bool[] kept)
    {
        const int none = int.MaxValue, unknown = -1;
        var levels = new int[trace.SpanCount];
        Array.Fill(levels, unknown);
        foreach (var match in matches) levels[match] = 0;
        var path = new List<int>();
        for (var i = 0; i < trace.SpanCount; i++)
        {
            path.Clear();
            var at = i;
            for (; at >= 0 && levels[at] == unknown; at = trace.ParentIndex[at])
            {
                // A cycle ends here.
                levels[at] = none;
                path.Add(at);
            }

            var level = at < 0 ? none : levels[at];
            for (var p = path.Count - 1; p >= 0; p--) levels[path[p]] = level = level == none ? none : level + 1;
            if (levels[i] != none && (_matchDepth == AllLevels || levels[i] <= _matchDepth)) kept[i] = true;
        }
    }

    private void AddAncestors(OrderedTrace trace, List<int> matches, bool[] kept)
    {
        // How many levels upward are still kept, as far as some match has seen to it.
        var reach = new int[trace.SpanCount];
        foreach (var match in matches)
        {
            var left = _ancestorDepth == AllLevels ? int.MaxValue : _ancestorDepth;
            for (var at = trace.ParentIndex[match]; at >= 0 && left > reach[at]; at = trace.ParentIndex[at])
            {
                kept[at] = true;
                reach[at] = left--;
            }
        }
    }

    private static QueryException Wrong(string why) => new(QueryErrorKind.BadRequest, $"invalid TraceQL filter: {why}");
}
