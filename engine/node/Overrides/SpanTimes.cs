namespace Tempo.Engine.Node.Overrides;

/// <summary>
/// Counts the spans of a request whose times cannot be right. They are stored as they are and found by id and by search; the operator hears
/// of a clock that is wrong before somebody looks for yesterday's traces in vain.
/// </summary>
internal struct SpanTimes
{
    /// <summary>Senders' clocks differ by minutes.</summary>
    private static readonly TimeSpan Ahead = TimeSpan.FromHours(1);

    /// <summary>Tempo's default retention: what is older is deleted soon after.</summary>
    private static readonly TimeSpan Old = TimeSpan.FromDays(14);

    private readonly ulong _earliestUnixNano;
    private readonly ulong _latestUnixNano;

    private SpanTimes(ulong earliestUnixNano, ulong latestUnixNano) =>
        (_earliestUnixNano, _latestUnixNano) = (earliestUnixNano, latestUnixNano);

    /// <summary>Spans that start more than an hour from now.</summary>
    public int Future { get; private set; }

    /// <summary>Spans that started more than 14 days ago, or say nothing of their start.</summary>
    public int Past { get; private set; }

    /// <summary>Other spans that end before they start, or say nothing of their end; kept with a duration of 0.</summary>
    public int EndBeforeStart { get; private set; }

    /// <summary>A count of nothing yet, as of a time.</summary>
    public static SpanTimes At(DateTimeOffset now) => new(UnixNano(now - Old), UnixNano(now + Ahead));

    public void Add(ulong startUnixNano, ulong endUnixNano)
    {
        if (startUnixNano < _earliestUnixNano) Past++;
        else if (startUnixNano > _latestUnixNano) Future++;
        else if (endUnixNano < startUnixNano) EndBeforeStart++;
    }

    private static ulong UnixNano(DateTimeOffset time) => (ulong)Math.Max(0, (time - DateTimeOffset.UnixEpoch).Ticks) * 100;
}
