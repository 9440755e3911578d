namespace Tempo.Engine.Query.Evaluate;

/// <summary>
/// The span with each of its events in turn, for a condition that reads events; with each of its links; with each pair of
/// the two; or once with none. So all comparisons of one condition speak of the same event.
/// </summary>
internal struct EventBindings
{
    /// <summary>
    /// Pairs of events and links that one span may have. Both counts are the sender's; their product must not decide how
    /// long a query runs. Beyond any span of a well-configured SDK (128 of each).
    /// </summary>
    private const long MaxPairs = 1 << 20;

    private readonly int _eventFrom;
    private readonly int _eventTo;
    private readonly int _linkTo;
    private SpanCursor _span;
    private bool _started;

    /// <summary>Throws <see cref="QueryException"/> if there are too many pairs.</summary>
    public EventBindings(in SpanCursor span, bool events, bool links)
    {
        _span = span;
        (_eventFrom, _eventTo) = events ? Range(span.Batch.EventStart, span.Row) : (-1, 0);
        (_span.Link, _linkTo) = links ? Range(span.Batch.LinkStart, span.Row) : (-1, 0);
        _span.Event = _eventFrom;
        if (events && links) CheckPairs(span);
    }

    /// <summary>Throws <see cref="QueryException"/> if the span has too many pairs of an event and a link.</summary>
    public static void CheckPairs(in SpanCursor span)
    {
        var (events, links) = (CountOf(span.Batch.EventStart, span.Row), CountOf(span.Batch.LinkStart, span.Row));
        if ((long)events * links > MaxPairs)
            throw new QueryException(QueryErrorKind.TooLarge,
                $"a span has {events} events and {links} links; a condition on both tries at most {MaxPairs} pairs");
    }

    public readonly SpanCursor Current => _span;

    public readonly EventBindings GetEnumerator() => this;

    public bool MoveNext()
    {
        if (!_started) return _started = true;
        if (++_span.Event < _eventTo) return true;
        _span.Event = _eventFrom;
        return ++_span.Link < _linkTo;
    }

    private static int CountOf(int[] starts, int row) => starts[row + 1] - starts[row];

    private static (int From, int To) Range(int[] starts, int row) =>
        starts[row] < starts[row + 1] ? (starts[row], starts[row + 1]) : (-1, 0);
}
