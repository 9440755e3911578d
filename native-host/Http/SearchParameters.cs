using System.Text;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Query;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>
/// The parameters of a search, with Tempo's defaults, limits and error texts. One thing differs on purpose: recent spans
/// are searchable at once here, so the end of the range is not cut back to 30 seconds ago.
/// </summary>
internal sealed class SearchParameters
{
    private const string StartBeforeEnd = "http parameter start must be before end.";
    private const string BadSince = "error parsing date range: could not parse 'since' parameter:";
    private const string OnlyOne = "error parsing date range: only one of start and end provided: must provide both or neither";

    public required SearchRequest Request { get; init; }

    /// <summary>Hits of a search by tags, or by nothing, are listed without their spans.</summary>
    public required bool HasSpanSets { get; init; }

    /// <summary>The tags hold a word that no trace can match.</summary>
    public bool FindsNothing { get; private init; }

    /// <summary>False with the text for the client.</summary>
    public static bool TryParse(
        IQueryCollection query, SearchLimits limits, DateTimeOffset now, out SearchParameters parameters, out string error)
    {
        parameters = null!;
        var text = query["q"].ToString();
        var tags = query["tags"].ToString();
        if (!TryParseRange(query, limits, now, out var start, out var end, out error)) return false;
        if (!TryParseLimits(query, limits, out var limit, out var spansPerSpanSet, out error)) return false;
        if (text.Length > 0 && tags.Length > 0) return Fail("invalid request: can't specify tags and q in the same query", out error);
        if (Encoding.UTF8.GetByteCount(text) > limits.MaxQueryBytes)
        {
            return Fail(
                $"TraceQL expression exceeds the configured maximum size of {limits.MaxQueryBytes} bytes, " +
                "reduce the query expression size or contact your system administrator", out error);
        }

        // With q, Tempo does not look at the durations at all.
        long minDuration = 0, maxDuration = 0;
        if (text.Length == 0 && !TryParseDurations(query, out minDuration, out maxDuration, out error)) return false;
        var findsNothing = false;
        if (tags.Length > 0 && !LegacyTags.TryTranslate(tags, minDuration, maxDuration, out text, out findsNothing, out error))
            return false;
        parameters = new SearchParameters
        {
            HasSpanSets = query["q"].ToString().Length > 0,
            FindsNothing = findsNothing,
            Request = new SearchRequest
            {
                Query = text,
                StartSeconds = start,
                EndSeconds = end,
                Limit = limit,
                SpansPerSpanSet = spansPerSpanSet,
                MinDurationNano = minDuration,
                MaxDurationNano = maxDuration,
            },
        };
        return true;
    }

    private static bool TryParseRange(
        IQueryCollection query, SearchLimits limits, DateTimeOffset now, out uint start, out uint end, out string error)
    {
        end = 0;
        if (!TryParseSeconds(query, "start", out start, out error) || !TryParseSeconds(query, "end", out end, out error)) return false;

        // Rounded up: a span of this very second is recent too.
        var nowSeconds = (uint)now.ToUnixTimeSeconds() + 1;
        var since = query["since"].ToString();
        if (since.Length > 0)
        {
            if (!GoDuration.TryParsePrometheus(since, out var sinceNano))
                return Fail($"{BadSince} not a valid duration string: {GoText.Quote(since)}", out error);
            end = nowSeconds;
            start = (uint)Math.Max(0, nowSeconds - sinceNano / 1_000_000_000);
        }
        else if (start == 0 && end == 0)
        {
            end = nowSeconds;
            start = (uint)Math.Max(0, nowSeconds - (long)limits.DefaultDuration.TotalSeconds);
        }

        if (start == 0 && since.Length == 0 && query["start"].ToString().Length == 0) return Fail(OnlyOne, out error);
        if (end <= start) return Fail($"{StartBeforeEnd} received start={start} end={end}", out error);
        var maxSeconds = (long)limits.MaxDuration.TotalSeconds;
        return maxSeconds == 0 || end - start <= maxSeconds
            || Fail(
                $"range specified by start and end exceeds {GoDuration.Format(limits.MaxDuration)}. received start={start} end={end}",
                out error);
    }

    private static bool TryParseLimits(
        IQueryCollection query, SearchLimits limits, out int limit, out int spansPerSpanSet, out string error)
    {
        spansPerSpanSet = limits.DefaultSpansPerSpanSet;
        limit = limits.DefaultLimit;
        if (!TryParseUInt(query, "limit", out var asked, out error)) return false;
        if (asked == 0) return Fail("invalid limit: must be a positive number", out error);
        if (asked is { } count && limits.MaxLimit > 0 && count > (uint)limits.MaxLimit)
            return Fail($"limit {count} exceeds max limit {limits.MaxLimit}", out error);
        if (asked is not null) limit = (int)Math.Min(asked.Value, int.MaxValue);
        if (!TryParseUInt(query, "spss", out asked, out error)) return false;
        if (asked is { } spans && limits.MaxSpansPerSpanSet > 0 && spans > (uint)limits.MaxSpansPerSpanSet)
            return Fail($"spans per span set exceeds {limits.MaxSpansPerSpanSet}. received {spans}", out error);
        if (asked is > 0) spansPerSpanSet = (int)Math.Min(asked.Value, int.MaxValue);
        return true;
    }

    private static bool TryParseDurations(IQueryCollection query, out long minNano, out long maxNano, out string error)
    {
        maxNano = 0;
        if (!TryParseDuration(query, "minDuration", out minNano, out error)
            || !TryParseDuration(query, "maxDuration", out maxNano, out error))
            return false;
        return maxNano == 0 || maxNano >= minNano || Fail("invalid maxDuration: must be greater than minDuration", out error);
    }

    private static bool TryParseDuration(IQueryCollection query, string name, out long nano, out string error)
    {
        nano = 0;
        error = "";
        var text = query[name].ToString();
        return text.Length == 0 || GoDuration.TryParse(text, out nano, out error) || Fail($"invalid {name}: {error}", out error);
    }

    private static bool TryParseSeconds(IQueryCollection query, string name, out uint seconds, out string error)
    {
        seconds = 0;
        if (!TryParseUInt(query, name, out var value, out error)) return false;
        seconds = value ?? 0;
        return true;
    }

    // Null when the parameter is absent.
    private static bool TryParseUInt(IQueryCollection query, string name, out uint? value, out string error)
    {
        value = null;
        error = "";
        var text = query[name].ToString();
        if (text.Length == 0) return true;
        if (!GoText.TryParseUInt(text, 32, out var number, out error)) return Fail($"invalid {name}: {error}", out error);
        value = (uint)number;
        return true;
    }

    private static bool Fail(string text, out string error)
    {
        error = text;
        return false;
    }
}
