using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>From what a client asks for to the intervals that are answered, with Tempo's rules and texts (TraceQL §6).</summary>
public static class RangeAlignment
{
    private const long Second = 1_000_000_000;
    private const long ShortRange = 60 * Second;
    private const long ShortRangeUnit = 50_000_000;

    /// <summary>Intervals that an automatic step aims at.</summary>
    private const int AutoIntervals = 240;

    /// <summary>
    /// Tempo measures ranges after it has cut off this much of the present. We cut nothing, and measure as it does, so that
    /// "the last 24 hours" are accepted or refused alike.
    /// </summary>
    private const long TempoCutoffNano = 30 * Second;

    private static readonly long[] Units = [3600 * Second, 300 * Second, 60 * Second, 15 * Second, 5 * Second];

    /// <summary>The step of a range query that names none, in nanoseconds.</summary>
    public static long AutoStep(long rangeNano)
    {
        var step = rangeNano / AutoIntervals;
        if (rangeNano < ShortRange) return Math.Max(ShortRangeUnit, step / ShortRangeUnit * ShortRangeUnit);
        foreach (var unit in Units)
            if (step >= unit)
                return step / unit * unit;
        return Math.Max(Second, step / Second * Second);
    }

    /// <summary>The refusal of a step that is too small for the range.</summary>
    public static QueryException StepTooSmall(long stepNano, long rangeNano, MetricsLimits limits) => new(
        QueryErrorKind.BadRequest,
        $"step of {TraceQlValue.Duration(stepNano)} is too small, minimum step for given range is {TraceQlValue.Duration(rangeNano / MaxIntervals(limits))}");

    // Without a limit, so many that their number fits an int with the two that alignment adds.
    private static long MaxIntervals(MetricsLimits limits) => limits.MaxIntervals > 0 ? limits.MaxIntervals : 1 << 30;

    /// <summary>
    /// The intervals of a range query; null if no whole step of the range is left. Throws <see cref="QueryException"/> for a range that
    /// is wrong, wholly cut off, or too long.
    /// One that ends where it starts has one sample, as the language says; Tempo's endpoint says that it is longer than 24 hours.
    /// </summary>
    internal static TimeAxis? OfRange(QueryRangeRequest request, MetricsLimits limits, DateTimeOffset now)
    {
        if (request.StartUnixNano == 0) throw new QueryException(QueryErrorKind.BadRequest, "start required");
        var (start, end) = Checked(request.StartUnixNano, request.EndUnixNano);
        var recent = CutEnd(end, limits, now, out var isCut);
        if (isCut && recent <= start) throw EndNotAfterStart();
        var range = end - start;
        var step = request.StepNano == 0 ? AutoStep(range) : (long)Math.Min(request.StepNano, long.MaxValue / 4);
        if (range / step > MaxIntervals(limits)) throw StepTooSmall(step, range, limits);
        CheckDuration(start, end, step, limits, now);

        var first = start - start % step;
        var last = isCut ? recent - recent % step : Ceiling(recent, step);
        // A cut range without a step of its own: the sample at its start is of the step before.
        return last < first || (isCut && last == first) ? null : new TimeAxis(first, step, (int)((last - first) / step + 1));
    }

    /// <summary>
    /// The one interval of an instant query. One of which nothing is left is no error, as in Tempo: its series are those of nothing found.
    /// It becomes the first nanosecond of 1970.
    /// </summary>
    internal static TimeAxis OfInstant(QueryInstantRequest request, MetricsLimits limits, DateTimeOffset now)
    {
        if (request.StartUnixNano == 0) throw new QueryException(QueryErrorKind.BadRequest, "start required");
        var (start, end) = Checked(request.StartUnixNano, request.EndUnixNano);
        var range = end - start;
        if (limits.MaxDuration > TimeSpan.Zero && range > limits.MaxDuration.Ticks * 100) throw TooLong(limits);
        end = CutEnd(end, limits, now, out var isCut);
        if (isCut) end -= end % Second;
        return end <= start ? new TimeAxis(1, 1, 1) : new TimeAxis(end, end - start, 1);
    }

    private static (long Start, long End) Checked(ulong startUnixNano, ulong endUnixNano)
    {
        // Half of the range of a long: sums of two of them cannot overflow.
        const ulong latest = long.MaxValue / 2;
        if (startUnixNano > latest || endUnixNano > latest)
            throw new QueryException(QueryErrorKind.BadRequest, $"start and end must be at most {latest} unix nanoseconds");
        if (endUnixNano < startUnixNano) throw EndNotAfterStart();
        return ((long)startUnixNano, (long)endUnixNano);
    }

    // One step wider than asked, as Tempo does: the first point covers the step before the start.
    private static void CheckDuration(long start, long end, long step, MetricsLimits limits, DateTimeOffset now)
    {
        if (limits.MaxDuration <= TimeSpan.Zero) return;
        var recent = UnixNano(now) - TempoCutoffNano;
        var last = end > recent ? recent - recent % step : Ceiling(end, step);
        if (last - (start - start % step) + step > limits.MaxDuration.Ticks * 100) throw TooLong(limits);
    }

    private static QueryException EndNotAfterStart() => new(QueryErrorKind.BadRequest, "end must be greater than start");

    private static QueryException TooLong(MetricsLimits limits) => new(
        QueryErrorKind.BadRequest, $"metrics query time range exceeds the maximum allowed duration of {TraceQlValue.Duration(limits.MaxDuration.Ticks * 100)}");

    private static long CutEnd(long end, MetricsLimits limits, DateTimeOffset now, out bool isCut)
    {
        var newest = UnixNano(now) - limits.QueryEndCutoff.Ticks * 100;
        isCut = limits.QueryEndCutoff > TimeSpan.Zero && end > newest;
        return isCut ? newest : end;
    }

    private static long Ceiling(long value, long step) => value % step == 0 ? value : value - value % step + step;

    private static long UnixNano(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;
}
