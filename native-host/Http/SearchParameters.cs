using Microsoft.AspNetCore.Http;
using Tempo.Engine.Query;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>
/// The parameters of a search, with Tempo's defaults, limits and error texts. One default differs on purpose: recent spans
/// are searchable at once here, so the end of the range is not cut back to 30 seconds ago unless <c>query_end_cutoff</c> says so.
/// </summary>
internal sealed class SearchParameters
{
    private const string StartBeforeEnd = "http parameter start must be before end.";
    private const string BadSince = "error parsing date range: could not parse 'since' parameter:";
    private const string TagsAndQuery = "invalid request: can't specify tags and q in the same query";
    private const string OnlyOne = "error parsing date range: only one of start and end provided: must provide both or neither";

    public required SearchRequest Request { get; init; }

    /// <summary>Hits of a search by tags, or by nothing, are listed without their spans.</summary>
    public required bool HasSpanSets { get; init; }

    /// <summary>The tags hold a word that no trace can match.</summary>
    public bool FindsNothing { get; private init; }

    /// <summary>Reads the parameters of a URL; false with the text for the client.</summary>
    public static bool TryParse(
        IQueryCollection query, SearchLimits limits, DateTimeOffset now, out SearchParameters parameters, out string error)
    {
        parameters = null!;
        var tags = query["tags"].ToString();
        if (!TryParseUInt(query, "start", out var start, out error) || !TryParseUInt(query, "end", out var end, out error)) return false;
        var input = new SearchInput { Query = query["q"].ToString(), Start = start, End = end, Since = query["since"].ToString() };
        if (!TryResolveRange(input, limits, now, out var range, out error)) return false;
        if (!TryParseUInt(query, "limit", out var limit, out error)) return false;
        if (limit == 0) return Fail("invalid limit: must be a positive number", out error);
        if (!CheckLimit(limit, limits, out error) || !TryParseUInt(query, "spss", out var spans, out error)) return false;
        input = input with
        {
            Limit = limit,
            SpansPerSpanSet = spans,
            Cursor = query.TryGetValue("cursor", out var cursor) ? cursor.ToString() : null
        };
        if (!CheckSpansPerSpanSet(spans, limits, out error)) return false;
        if (input.Query.Length > 0 && tags.Length > 0) return Fail(TagsAndQuery, out error);

        // With q, Tempo does not look at the durations at all.
        if (input.Query.Length == 0)
        {
            if (!TryParseDuration(query, "minDuration", out var min, out error)
                || !TryParseDuration(query, "maxDuration", out var max, out error))
                return false;
            input = input with { MinDurationNano = min, MaxDurationNano = max };
        }

        if (tags.Length > 0)
        {
            if (!LegacyTags.TryParse(tags, out var pairs, out error)) return false;
            input = input with { Tags = pairs };
        }

        return TryCreate(input, range, limits, out parameters, out error);
    }

    /// <summary>Takes what a message held; false with the text for the client.</summary>
    public static bool TryCreate(
        SearchInput input, SearchLimits limits, DateTimeOffset now, out SearchParameters parameters, out string error)
    {
        parameters = null!;
        if (!TryResolveRange(input, limits, now, out var range, out error)) return false;
        if (!CheckLimit(input.Limit, limits, out error) || !CheckSpansPerSpanSet(input.SpansPerSpanSet, limits, out error)) return false;
        if (input.Query.Length > 0 && input.Tags.Count > 0) return Fail(TagsAndQuery, out error);
        if (input.Query.Length > 0) input = input with { MinDurationNano = 0, MaxDurationNano = 0 };
        return TryCreate(input, range, limits, out parameters, out error);
    }

    private static bool TryCreate(
        SearchInput input, (uint Start, uint End) range, SearchLimits limits, out SearchParameters parameters, out string error)
    {
        parameters = null!;
        error = "";
        if (input.MaxDurationNano > 0 && input.MaxDurationNano < input.MinDurationNano)
            return Fail("invalid maxDuration: must be greater than minDuration", out error);
        if (!QueryText.IsWithinLimit(input.Query, limits, out error)) return false;
        var text = input.Query;
        var findsNothing = false;
        if (input.Tags.Count > 0
            && !LegacyTags.TryTranslate(input.Tags, input.MinDurationNano, input.MaxDurationNano, out text, out findsNothing, out error))
            return false;
        parameters = new SearchParameters
        {
            HasSpanSets = input.Query.Length > 0,
            FindsNothing = findsNothing,
            Request = new SearchRequest
            {
                Query = text,
                StartSeconds = range.Start,
                EndSeconds = range.End,
                Limit = input.Limit is > 0 ? (int)Math.Min(input.Limit.Value, int.MaxValue) : limits.DefaultLimit,
                SpansPerSpanSet = input.SpansPerSpanSet is > 0
                    ? (int)Math.Min(input.SpansPerSpanSet.Value, int.MaxValue)
                    : limits.DefaultSpansPerSpanSet,
                MinDurationNano = input.MinDurationNano,
                MaxDurationNano = input.MaxDurationNano,
                Cursor = input.Cursor,
            },
        };
        return true;
    }

    private static bool TryResolveRange(
        SearchInput input, SearchLimits limits, DateTimeOffset now, out (uint Start, uint End) range, out string error)
    {
        error = "";
        var (start, end) = range = (input.Start ?? 0, input.End ?? 0);

        var nowSeconds = (uint)RecentEnd.Seconds(now, limits);
        if (input.Since.Length > 0)
        {
            if (!GoDuration.TryParsePrometheus(input.Since, out var sinceNano))
                return Fail($"{BadSince} not a valid duration string: {GoText.Quote(input.Since)}", out error);
            end = nowSeconds;
            start = (uint)Math.Max(0, nowSeconds - sinceNano / 1_000_000_000);
        }
        else if (start == 0 && end == 0)
        {
            end = nowSeconds;
            start = (uint)Math.Max(0, nowSeconds - (long)limits.DefaultDuration.TotalSeconds);
        }

        if (start == 0 && input.Since.Length == 0 && input.Start is null) return Fail(OnlyOne, out error);
        (start, end) = RecentEnd.Cut(start, end, nowSeconds, limits);
        if (end <= start) return Fail($"{StartBeforeEnd} received start={start} end={end}", out error);
        range = (start, end);
        var maxSeconds = (long)limits.MaxDuration.TotalSeconds;
        return maxSeconds == 0 || end - start <= maxSeconds
            || Fail(
                $"range specified by start and end exceeds {GoDuration.Format(limits.MaxDuration)}. received start={start} end={end}",
                out error);
    }

    private static bool CheckLimit(uint? limit, SearchLimits limits, out string error)
    {
        error = "";
        return limit is null || limits.MaxLimit == 0 || limit <= (uint)limits.MaxLimit
            || Fail($"limit {limit} exceeds max limit {limits.MaxLimit}", out error);
    }

    private static bool CheckSpansPerSpanSet(uint? spans, SearchLimits limits, out string error)
    {
        error = "";
        return spans is null || limits.MaxSpansPerSpanSet == 0 || spans <= (uint)limits.MaxSpansPerSpanSet
            || Fail($"spans per span set exceeds {limits.MaxSpansPerSpanSet}. received {spans}", out error);
    }

    private static bool TryParseDuration(IQueryCollection query, string name, out long nano, out string error)
    {
        nano = 0;
        error = "";
        var text = query[name].ToString();
        return text.Length == 0 || GoDuration.TryParse(text, out nano, out error) || Fail($"invalid {name}: {error}", out error);
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
