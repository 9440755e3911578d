using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>
/// What requests for tag names and values have in common: a range of time and a limit, by Tempo's rules and with its texts.
/// As in a search, the end is not cut back to 30 seconds ago unless <c>query_end_cutoff</c> says so: recent spans are there at once.
/// </summary>
/// <param name="StartSeconds">Unix seconds.</param>
/// <param name="EndSeconds">Unix seconds.</param>
/// <param name="Limit">0 = no limit.</param>
internal readonly record struct TagParameters(long StartSeconds, long EndSeconds, int Limit)
{
    private const string RangeError = "error parsing date range:";

    /// <summary>Reads the parameters of a URL; false with the text for the client.</summary>
    public static bool TryParse(
        IQueryCollection query, SearchLimits limits, DateTimeOffset now, out TagParameters parameters, out string error)
    {
        parameters = default;
        if (!TryParseSeconds(query, "start", out var start, out error) || !TryParseSeconds(query, "end", out var end, out error))
            return false;
        if (!TryResolve(start, end, query["since"].ToString(), limits, now, out var range, out error)) return false;

        // A limit that is none is no limit, and says nothing; maxStaleValues means nothing where nothing is stale.
        var limit = int.TryParse(query["limit"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : 0;
        parameters = new TagParameters(range.Start, range.End, limit);
        return true;
    }

    /// <summary>Takes what a message held, where 0 is "not given"; false with the text for the client.</summary>
    public static bool TryCreate(
        uint start, uint end, uint limit, SearchLimits limits, DateTimeOffset now, out TagParameters parameters, out string error)
    {
        parameters = default;
        if (!TryResolve(start == 0 ? null : start, end == 0 ? null : end, "", limits, now, out var range, out error)) return false;
        parameters = new TagParameters(range.Start, range.End, (int)Math.Min(limit, int.MaxValue));
        return true;
    }

    private static bool TryResolve(
        long? start, long? end, string since, SearchLimits limits, DateTimeOffset now, out (long Start, long End) range, out string error)
    {
        range = (start ?? 0, end ?? 0);
        error = "";

        var nowSeconds = RecentEnd.Seconds(now, limits);
        if (since.Length > 0)
        {
            if (!GoDuration.TryParsePrometheus(since, out var sinceNano))
                return Fail(
                    $"{RangeError} could not parse 'since' parameter: not a valid duration string: {GoText.Quote(since)}", out error);
            range = (Math.Max(0, nowSeconds - sinceNano / 1_000_000_000), nowSeconds);
        }
        else if (range is (0, 0))
        {
            range = (Math.Max(0, nowSeconds - (long)limits.DefaultDuration.TotalSeconds), nowSeconds);
        }
        else if (start is null || end is null)
        {
            return Fail($"{RangeError} only one of start and end provided: must provide both or neither", out error);
        }

        if (range.End > range.Start) range = RecentEnd.Cut(range.Start, range.End, nowSeconds, limits);

        // A start after the end is a range without end: Tempo computes it unsigned.
        var maxSeconds = (long)limits.MaxDuration.TotalSeconds;
        return range.End >= range.Start && (maxSeconds == 0 || range.End - range.Start <= maxSeconds)
            || Fail($"range specified by start and end exceeds {GoDuration.Format(limits.MaxDuration)}. received start={range.Start} end={range.End}", out error);
    }

    private static bool TryParseSeconds(IQueryCollection query, string name, out long? seconds, out string error)
    {
        seconds = null;
        error = "";
        var text = query[name].ToString();
        if (text.Length == 0) return true;
        if (!GoText.TryParseInt(text, out var number, out error))
            return Fail($"{RangeError} could not parse '{name}' parameter: {error}", out error);
        seconds = Math.Clamp(number, 0, uint.MaxValue);
        return true;
    }

    private static bool Fail(string text, out string error)
    {
        error = text;
        return false;
    }
}
