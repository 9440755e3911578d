using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;
using Tempo.Host.Http;

namespace Tempo.Host.Foreign.Jaeger;

/// <summary>The parameters of a search for traces, as Jaeger's page sends them.</summary>
internal sealed class JaegerQuery
{
    private const long MicrosecondNano = 1000;
    private const long SecondMicroseconds = 1_000_000;

    /// <summary>Longest text of the tags parameter.</summary>
    private const int MaxTagsLength = 64 * 1024;

    /// <summary>Traces of a search that names no number.</summary>
    private const int DefaultLimit = 20;

    /// <summary>Ids that one request may name.</summary>
    private const int MaxIds = 1000;

    /// <summary>Range of a search that names none.</summary>
    private static readonly TimeSpan DefaultLookback = TimeSpan.FromHours(1);

    public SpanQuery Spans { get; } = new();
    public TimeRange Range { get; private set; }
    public int Limit { get; private set; } = DefaultLimit;

    /// <summary>Traces asked for by their ids; then nothing else counts.</summary>
    public List<TraceId> Ids { get; } = [];

    /// <summary>False with the text for the client.</summary>
    public static bool TryParse(
        IQueryCollection parameters, SearchLimits limits, DateTimeOffset now, out JaegerQuery query, out string error)
    {
        query = new JaegerQuery();
        if (!query.TryReadIds(parameters, out error)) return false;
        if (query.Ids.Count > 0) return true;
        var service = parameters["service"].ToString();
        if (service.Length == 0) return Fail("parameter 'service' is required", out error);
        query.Spans.HasService(service);
        var operation = parameters["operation"].ToString();
        if (operation.Length > 0) query.Spans.HasName(operation);
        if (!query.TryReadTags(parameters, out error) || !query.TryReadDurations(parameters, out error)) return false;
        if (query.Spans.Count > SpanQuery.MaxConditions) return Fail($"at most {SpanQuery.MaxConditions} conditions are taken", out error);
        if (!TryReadNumber(parameters, "limit", out var limit, out error)) return false;
        if (limit is < 1 || (limits.MaxLimit > 0 && limit > limits.MaxLimit))
            return Fail($"unable to parse param 'limit': 1 to {limits.MaxLimit} is allowed", out error);
        query.Limit = (int)Math.Min(limit ?? DefaultLimit, int.MaxValue);
        return query.TryReadRange(parameters, limits, now, out error);
    }

    /// <summary>Reads endTs and lookback, in milliseconds; absent ones are now and a day.</summary>
    public static bool TryReadLookback(
        IQueryCollection parameters, SearchLimits limits, DateTimeOffset now, out TimeRange range, out string error)
    {
        range = default;
        if (!TryReadNumber(parameters, "endTs", out var end, out error)
            || !TryReadNumber(parameters, "lookback", out var lookback, out error))
            return false;
        end ??= now.ToUnixTimeMilliseconds();
        lookback ??= 24 * 3600 * 1000;
        var maxMilliseconds = (long)limits.MaxDuration.TotalMilliseconds;
        if (lookback < 0 || (maxMilliseconds > 0 && lookback > maxMilliseconds))
            return Fail($"lookback is 0 to {maxMilliseconds} ms", out error);
        range = new TimeRange(Math.Max(0, end.Value - lookback.Value) / 1000, end.Value / 1000 + 1);
        return true;
    }

    private bool TryReadIds(IQueryCollection parameters, out string error)
    {
        error = "";
        foreach (var text in parameters["traceID"])
        {
            if (!TraceId.TryParse(text, out var id))
                return Fail("cannot parse traceID param: an id of at most 32 hex digits is expected", out error);
            if (Ids.Count == MaxIds) return Fail($"at most {MaxIds} traces are answered at once", out error);
            Ids.Add(id);
        }

        return true;
    }

    // tags={"k":"v"} of the page, and tag=k:v of scripts.
    private bool TryReadTags(IQueryCollection parameters, out string error)
    {
        error = "";
        foreach (var tag in parameters["tag"])
        {
            var colon = tag!.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0) return Fail($"malformed 'tag' parameter, expecting key:value, received: {GoText.Quote(tag)[1..^1]}", out error);
            Spans.HasTag(tag[..colon], tag[(colon + 1)..]);
        }

        var tags = parameters["tags"].ToString();
        if (tags.Length == 0) return true;
        const string malformed = "malformed 'tags' parameter, cannot unmarshal JSON: an object of strings is expected";
        if (tags.Length > MaxTagsLength) return Fail($"malformed 'tags' parameter: more than {MaxTagsLength} characters", out error);
        var bytes = Encoding.UTF8.GetBytes(tags);
        if (!JsonUnicode.IsSound(bytes)) return Fail(malformed, out error);
        try
        {
            using var json = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 4 });
            if (json.RootElement.ValueKind != JsonValueKind.Object) return Fail(malformed, out error);
            foreach (var member in json.RootElement.EnumerateObject())
            {
                if (member.Value.ValueKind != JsonValueKind.String) return Fail(malformed, out error);
                Spans.HasTag(member.Name, member.Value.GetString()!);
            }

            return true;
        }
        catch (JsonException)
        {
            return Fail(malformed, out error);
        }
    }

    private bool TryReadDurations(IQueryCollection parameters, out string error)
    {
        if (!TryReadDuration(parameters, "minDuration", out var min, out error)
            || !TryReadDuration(parameters, "maxDuration", out var max, out error))
            return false;
        if (max > 0 && min > max) return Fail("'maxDuration' should be greater than 'minDuration'", out error);
        Spans.LastsBetween(min, max);
        return true;
    }

    private bool TryReadRange(IQueryCollection parameters, SearchLimits limits, DateTimeOffset now, out string error)
    {
        if (!TryReadNumber(parameters, "start", out var start, out error) || !TryReadNumber(parameters, "end", out var end, out error))
            return false;
        end ??= now.ToUnixTimeMilliseconds() * 1000;
        start ??= Math.Max(0, end.Value - (long)DefaultLookback.TotalMicroseconds);
        if (start > end) return Fail("parameter 'start' is after 'end'", out error);
        Range = new TimeRange(start.Value / SecondMicroseconds, end.Value / SecondMicroseconds + 1);
        var maxSeconds = (long)limits.MaxDuration.TotalSeconds;
        return maxSeconds == 0 || end - start <= maxSeconds * SecondMicroseconds
            || Fail($"range specified by start and end exceeds {GoDuration.Format(limits.MaxDuration)}", out error);
    }

    private static bool TryReadDuration(IQueryCollection parameters, string name, out long nano, out string error)
    {
        nano = 0;
        error = "";
        var text = parameters[name].ToString();
        return text.Length == 0 || GoDuration.TryParse(text, out nano, out error)
            || Fail($"unable to parse param '{name}': {error}", out error);
    }

    private static bool TryReadNumber(IQueryCollection parameters, string name, out long? value, out string error)
    {
        value = null;
        error = "";
        var text = parameters[name].ToString();
        if (text.Length == 0) return true;
        if (!GoText.TryParseInt(text, out var number, out error)) return Fail($"unable to parse param '{name}': {error}", out error);
        if (number is < 0 or > long.MaxValue / MicrosecondNano)
            return Fail($"unable to parse param '{name}': {number} is out of range", out error);
        value = number;
        return true;
    }

    private static bool Fail(string text, out string error)
    {
        error = text;
        return false;
    }
}
