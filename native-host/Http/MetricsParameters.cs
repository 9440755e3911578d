using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>
/// The parameters of <c>/api/metrics/query_range</c> and <c>/api/metrics/query</c>, with Tempo's defaults and error texts. Times are
/// unix seconds (whole, of at most ten digits, or with a fraction), unix nanoseconds or RFC 3339.
/// </summary>
internal static class MetricsParameters
{
    /// <summary>Texts of parameters that cannot be read come through an inner layer of Tempo, and show it.</summary>
    private const string BadRequest = "rpc error: code = Code(400) desc = ";

    private const int MaxSecondsDigits = 10;
    private const long Second = 1_000_000_000;
    private const long DefaultRange = 3600 * Second;

    /// <summary>Throws <see cref="QueryException"/> with the text for the client.</summary>
    public static QueryRangeRequest ReadRange(IQueryCollection query, MetricsLimits limits, DateTimeOffset now)
    {
        var (start, end) = ReadTimes(query, now);
        var step = ReadStep(query["step"].ToString());
        if (step < 0) throw Bad("start required");
        if (step == 0 && end >= start) throw RangeAlignment.StepTooSmall(0, (long)(end - start), limits);
        return new QueryRangeRequest
        {
            Query = ReadQuery(query),
            StartUnixNano = start,
            EndUnixNano = end,
            StepNano = (ulong)(step ?? 0),
            Exemplars = ReadCount(query["exemplars"].ToString()),
            MaxSeries = ReadCount(query["maxSeries"].ToString()),
        };
    }

    /// <summary>The same for one interval; <c>step</c> and <c>exemplars</c> are not looked at.</summary>
    public static QueryInstantRequest ReadInstant(IQueryCollection query, DateTimeOffset now)
    {
        var (start, end) = ReadTimes(query, now);
        return new QueryInstantRequest
        {
            Query = ReadQuery(query),
            StartUnixNano = start,
            EndUnixNano = end,
            MaxSeries = ReadCount(query["maxSeries"].ToString())
        };
    }

    private static string ReadQuery(IQueryCollection query) =>
        query["q"].ToString() is { Length: > 0 } text ? text : query["query"].ToString();

    private static (ulong Start, ulong End) ReadTimes(IQueryCollection query, DateTimeOffset now)
    {
        var nowNano = (now - DateTimeOffset.UnixEpoch).Ticks * 100;
        var end = ReadTime(query, "end") ?? nowNano;
        var range = DefaultRange;
        var since = query["since"].ToString();
        if (since.Length > 0 && !GoDuration.TryParsePrometheus(since, out range))
            throw Bad($"{BadRequest}could not parse 'since' parameter: not a valid duration string: {GoText.Quote(since)}");
        var start = ReadTime(query, "start") ?? Math.Min(end, nowNano) - range;
        if (start < 0 || end < 0) throw Bad("start required");
        return ((ulong)start, (ulong)end);
    }

    // Nanoseconds; null when the parameter is absent.
    private static long? ReadTime(IQueryCollection query, string name)
    {
        var text = query[name].ToString();
        if (text.Length == 0) return null;
        if (text.Contains('.', StringComparison.Ordinal) && TryParseSeconds(text, out var nano)) return nano;
        if (GoText.TryParseInt(text, out var number, out var error)) return text.Length <= MaxSecondsDigits ? number * Second : number;
        if (TryParseRfc3339(text, out var time)) return (time - DateTimeOffset.UnixEpoch).Ticks * 100;
        throw Bad($"{BadRequest}could not parse '{name}' parameter: {error}");
    }

    // Null when the parameter is absent.
    private static long? ReadStep(string text)
    {
        if (text.Length == 0) return null;
        if (TryParseSeconds(text, out var nano) || GoDuration.TryParse(text, out nano, out _)
            || GoDuration.TryParsePrometheus(text, out nano))
            return nano;
        throw Bad($"{BadRequest}cannot parse {GoText.Quote(text)} to a valid duration");
    }

    private static bool TryParseSeconds(string text, out long nano)
    {
        nano = 0;
        const NumberStyles styles = NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign;
        if (!decimal.TryParse(text, styles, CultureInfo.InvariantCulture, out var seconds) || Math.Abs(seconds) > long.MaxValue / Second)
            return false;
        nano = (long)(seconds * Second);
        return true;
    }

    private static bool TryParseRfc3339(string text, out DateTimeOffset time)
    {
        time = default;
        return text.Length >= "2006-01-02T15:04:05Z".Length && text[10] is 'T' or 't'
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }

    // 0, "the default", for what is no positive number.
    private static uint ReadCount(string text) => GoText.TryParseUInt(text, 32, out var count, out _) ? (uint)count : 0;

    private static QueryException Bad(string text) => new(QueryErrorKind.BadRequest, text);
}
