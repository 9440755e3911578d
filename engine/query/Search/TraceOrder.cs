using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// By what traces are ordered: <c>with(order_by=…)</c>, a word or a string, the greatest first; a string with a minus sign in front, the
/// least first. Ties by trace id.
/// </summary>
internal sealed class TraceOrder
{
    private const string HintName = "order_by";

    /// <summary>Newest first: the order of a search that names none.</summary>
    public static readonly TraceOrder Newest = new("start", static trace => trace.StartTimeUnixNano, isAscending: false);

    private static readonly (string Name, Func<TraceSearchResult, ulong> Key)[] Known =
    [
        ("start", static trace => trace.StartTimeUnixNano),
        ("duration", static trace => trace.DurationNano),
        ("spans", static trace => (ulong)trace.ServiceStats.Sum(static s => s.SpanCount)),
        ("errors", static trace => (ulong)trace.ServiceStats.Sum(static s => s.ErrorCount)),
        ("matched", static trace => (ulong)trace.SpanSets.Sum(static s => s.Matched)),
    ];

    private readonly Func<TraceSearchResult, ulong> _key;

    private TraceOrder(string name, Func<TraceSearchResult, ulong> key, bool isAscending)
    {
        Name = name;
        _key = key;
        IsAscending = isAscending;
    }

    /// <summary>As the hint writes it.</summary>
    public string Name { get; }

    public bool IsAscending { get; }

    /// <summary>Null if the query names none. Throws <see cref="QueryException"/> for one that is not known.</summary>
    public static TraceOrder? Of(TraceQlQuery query)
    {
        var hint = query.HintValue(HintName);
        if (hint.Type != TraceQlType.String) return null;
        var name = hint.AsString;
        var isAscending = name.StartsWith('-');
        foreach (var (known, key) in Known)
            if (name.AsSpan(isAscending ? 1 : 0).SequenceEqual(known))
                return new TraceOrder(name, key, isAscending);
        throw new QueryException(QueryErrorKind.BadRequest,
            $"order_by knows {string.Join(", ", Known.Select(static k => k.Name))}; it cannot order by {(name.Length > 100 ? name[..100] : name)}");
    }

    public ulong KeyOf(TraceSearchResult trace) => _key(trace);
}
