using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// One page of an ordered answer: the traces that follow the cursor, as many as asked for, and how many there are in all. A
/// cursor names the last trace of the page before, by its key and id, so that a page is right whatever came or went meanwhile.
/// Memory by answers, not by the limit.
/// <code>cursor   order ':' key, hex ':' trace id, 32 hex digits      "" begins</code>
/// </summary>
internal sealed class TracePage
{
    private readonly int _limit;
    private readonly TraceOrder _order;
    private readonly (ulong Key, TraceId Id)? _after;
    private readonly PriorityQueue<TraceSearchResult, (ulong Key, TraceId Id)> _kept;
    private long _following;

    /// <summary>Throws <see cref="QueryException"/> for a cursor that is none, or one of another order.</summary>
    public TracePage(int limit, TraceOrder order, string cursor)
    {
        _limit = limit;
        _order = order;
        if (cursor.Length > 0) _after = Parse(cursor, order);
        // The last one on top, to be pushed out.
        _kept = new PriorityQueue<TraceSearchResult, (ulong Key, TraceId Id)>(
            Comparer<(ulong Key, TraceId Id)>.Create((a, b) => Compare(b, a)));
    }

    /// <summary>Traces that match, on this page or not.</summary>
    public long Total { get; private set; }

    /// <summary>The page that a request and its query ask for; null if they ask for none. Throws <see cref="QueryException"/>.</summary>
    public static TracePage? Of(SearchRequest request, TraceQlQuery? query)
    {
        var order = query is null ? null : TraceOrder.Of(query);
        var hint = query?.HintValue("cursor") is { Type: TraceQlType.String } text ? text.AsString : null;
        var cursor = request.Cursor ?? hint;
        return cursor is null && order is null ? null : new TracePage(request.Limit, order ?? TraceOrder.Newest, cursor ?? "");
    }

    /// <summary>Adds a trace that matches; the result is the one that is not on the page for it, or null.</summary>
    public TraceSearchResult? Add(TraceSearchResult trace)
    {
        Total++;
        var place = (_order.KeyOf(trace), trace.TraceId);
        if (_after is { } after && Compare(place, after) <= 0) return trace;
        _following++;
        _kept.Enqueue(trace, place);
        return _kept.Count > _limit ? _kept.Dequeue() : null;
    }

    /// <summary>Adds the page to <paramref name="traces"/>; the result is the cursor of the next one, "" if this is the last.</summary>
    public string DrainTo(List<TraceSearchResult> traces)
    {
        while (_kept.TryDequeue(out var trace, out _)) traces.Add(trace);
        traces.Reverse();
        return _following <= traces.Count || traces.Count == 0
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $"{_order.Name}:{_order.KeyOf(traces[^1]):x}:{traces[^1].TraceId}");
    }

    private static (ulong Key, TraceId Id) Parse(string cursor, TraceOrder order)
    {
        var parts = cursor.Split(':', 4);
        if (parts.Length == 3 && parts[0] == order.Name
            && ulong.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var key)
            && TraceId.TryParse(parts[2], out var id))
            return (key, id);
        throw new QueryException(QueryErrorKind.BadRequest, $"invalid cursor: one that an answer ordered by {order.Name} gave is expected");
    }

    private int Compare((ulong Key, TraceId Id) a, (ulong Key, TraceId Id) b)
    {
        if (a.Key != b.Key) return _order.IsAscending ? a.Key.CompareTo(b.Key) : b.Key.CompareTo(a.Key);
        return a.Id.CompareTo(b.Id);
    }
}
