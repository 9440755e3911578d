using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;

namespace Tempo.Host.Foreign.Zipkin;

/// <summary>The parameters of Zipkin's queries.</summary>
internal sealed class ZipkinQuery
{
    private const int DefaultLimit = 10;
    private const long DayMilliseconds = 24L * 3600 * 1000;

    /// <summary>Ids that one request may name.</summary>
    private const int MaxIds = 1000;

    public SpanQuery Spans { get; } = new();
    public TimeRange Range { get; private set; }
    public int Limit { get; private set; } = DefaultLimit;

    /// <summary>Reads a search for traces; false with the text for the client.</summary>
    public static bool TryParse(
        IQueryCollection parameters, SearchLimits limits, DateTimeOffset now, out ZipkinQuery query, out string error)
    {
        query = new ZipkinQuery();
        var service = parameters["serviceName"].ToString();
        if (service.Length > 0) query.Spans.HasService(service);
        var remote = parameters["remoteServiceName"].ToString();
        if (remote.Length > 0) query.Spans.HasTag("peer.service", remote);
        var name = parameters["spanName"].ToString();
        if (name.Length > 0 && name != "all") query.Spans.HasName(name);
        query.ReadAnnotations(parameters["annotationQuery"].ToString());
        if (query.Spans.Count > SpanQuery.MaxConditions) return Fail($"at most {SpanQuery.MaxConditions} conditions are taken", out error);
        if (!TryReadNumber(parameters, "minDuration", out var min, out error)
            || !TryReadNumber(parameters, "maxDuration", out var max, out error))
            return false;
        if (max is not null && min is null) return Fail("maxDuration is only valid with minDuration", out error);
        if (max < min) return Fail("maxDuration < minDuration", out error);
        query.Spans.LastsBetween((min ?? 0) * 1000, (max ?? 0) * 1000);
        if (!TryReadNumber(parameters, "limit", out var limit, out error)) return false;
        if (limit is 0 || (limits.MaxLimit > 0 && limit > limits.MaxLimit)) return Fail($"limit is 1 to {limits.MaxLimit}", out error);
        query.Limit = (int)Math.Min(limit ?? DefaultLimit, int.MaxValue);
        if (!TryReadRange(parameters, limits, now, out var range, out error)) return false;
        query.Range = range;
        return true;
    }

    /// <summary>Reads endTs and lookback, in milliseconds; absent ones are now and a day.</summary>
    public static bool TryReadRange(
        IQueryCollection parameters, SearchLimits limits, DateTimeOffset now, out TimeRange range, out string error)
    {
        range = default;
        if (!TryReadNumber(parameters, "endTs", out var end, out error)
            || !TryReadNumber(parameters, "lookback", out var lookback, out error))
            return false;
        end ??= now.ToUnixTimeMilliseconds();
        lookback ??= Math.Min(DayMilliseconds, end.Value);
        var maxMilliseconds = (long)limits.MaxDuration.TotalMilliseconds;
        if (maxMilliseconds > 0 && lookback > maxMilliseconds) return Fail($"lookback is at most {maxMilliseconds} ms", out error);
        range = new TimeRange(Math.Max(0, end.Value - lookback.Value) / 1000, end.Value / 1000 + 1);
        return true;
    }

    /// <summary>Reads the ids of traceMany: two or more, separated by commas.</summary>
    public static bool TryReadIds(string text, out List<TraceId> ids, out string error)
    {
        ids = [];
        error = "";
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (ids.Count == MaxIds) return Fail($"at most {MaxIds} traces are answered at once", out error);
            if (!TraceId.TryParse(part, out var id))
                return Fail($"{GoText.Quote(part)} is not a trace id of at most 32 hex digits", out error);
            ids.Add(id);
        }

        return ids.Count > 1 || Fail("traceIds is two or more ids separated by commas", out error);
    }

    // "error and http.method=GET": a word is a tag of any value or an annotation.
    private void ReadAnnotations(string text)
    {
        foreach (var part in text.Split(" and ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0) Spans.HasTag(part[..equals], part[(equals + 1)..]);
            else if (part == "error") Spans.IsError();
            else Spans.HasTagOrEvent(part);
        }
    }

    private static bool TryReadNumber(IQueryCollection parameters, string name, out long? value, out string error)
    {
        value = null;
        error = "";
        var text = parameters[name].ToString();
        if (text.Length == 0) return true;

        // Microseconds of 100 years are the longest that makes sense.
        if (!GoText.TryParseInt(text, out var number, out _) || number is < 0 or > 100L * 366 * 24 * 3600 * 1_000_000)
            return Fail($"invalid value for {name}: {GoText.Quote(text)[1..^1]}", out error);
        value = number;
        return true;
    }

    private static bool Fail(string text, out string error)
    {
        error = text;
        return false;
    }
}
