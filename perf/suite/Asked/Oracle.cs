using System.Text.RegularExpressions;
using Tempo.Perf.Load.Queries;
using Tempo.Perf.Suite.Sent;

namespace Tempo.Perf.Suite.Asked;

/// <summary>
/// What the answer to a query must be, computed from what was sent by plain code that shares nothing with a server. Of a few queries
/// (quantiles, averages, comparison, all tag names) it does not know the answer: those are compared with the peer's.
/// </summary>
internal sealed class Oracle(Corpus corpus, string session)
{
    private delegate IEnumerable<SentSpan> Matches(IReadOnlyList<SentSpan> trace);

    /// <summary>By <see cref="QueryCase.Name"/>: the spans of a trace that match; none: the trace does not.</summary>
    private readonly Dictionary<string, Matches> _matches = new()
    {
        ["duration and attribute"] = Each(static span => span.DurationNanos > 1_000_000 && span.Attribute("db.system") == "redis"),
        ["intrinsic"] = Each(static span => span.StatusCode == 2),
        ["service and kind"] = Each(static span => span is { Service: "cart", Kind: 2 }),
        ["attribute = int"] = Each(static span => span.Attribute("http.response.status_code") == "500"),
        ["attribute = int, newest 20"] = Each(static span => span.Attribute("http.response.status_code") == "500"),
        ["attribute = text"] = Each(static span => span.Attribute("db.system") == "redis"),
        ["attribute of many values = text"] = Each(span => span.Attribute("session.id") == session),
        ["attribute = absent text"] = Each(static _ => false),
        ["absent key"] = Each(static _ => false),
        ["regex on name"] = Each(static span => span.Name.Contains("Cart", StringComparison.Ordinal)),
        ["regex on many values"] =
            Each(static span => span.Attribute("url.full") is { } url && Regex.IsMatch(url, "^.*/api/cart.*sess.*$")),
        ["descendants"] = static trace => Below(trace, "frontend").Where(static span => span.Service == "cart"),
        ["count() > 30"] = static trace => trace.Count > 30 ? trace : [],
        ["no condition, newest 20"] = Each(static _ => true),
        ["rate by service"] = Each(static _ => true),
        ["count"] = Each(static _ => true),
        ["errors by service"] = Each(static span => span.StatusCode == 2),
        ["roots by service"] = Each(static span => span.ParentId.Length == 0),
        ["root errors"] = Each(static span => span is { ParentId.Length: 0, StatusCode: 2 }),
        ["by attribute"] = Each(static _ => true),
        ["attribute = int, rate"] = Each(static span => span.Attribute("http.response.status_code") == "500"),
        ["trace duration"] = static trace =>
            trace.Max(static span => span.EndUnixNanos) - trace.Min(static span => span.StartUnixNanos) > 100_000_000 ? trace : [],
        ["tag values"] = Each(static _ => true),
        ["tag values of many"] = Each(static _ => true),
        ["tag values, filtered"] = Each(static span => span.Service == "frontend"),
    };

    /// <summary>Null if the answer is what was sent, or nobody here knows; <paramref name="isKnown"/> tells which.</summary>
    public string? Difference(QueryCase query, Answer answer, out bool isKnown)
    {
        isKnown = _matches.TryGetValue(query.Name, out Matches? matches);
        if (!isKnown) return answer.Lines.Count > 0 ? null : "the answer is empty";
        var found = corpus.Traces.Select(trace => (Id: trace.Key, Spans: matches!(trace.Value).ToList()))
            .Where(static trace => trace.Spans.Count > 0);
        switch (query.Kind)
        {
            case QueryKind.Search when query.Limit < 1000:
                return answer.Difference(Of([$"{Math.Min(query.Limit, found.Count())} traces"]));
            case QueryKind.Search:
                return answer.Difference(Of(found.Select(static trace => $"{trace.Id} {trace.Spans.Count}")));
            case QueryKind.Range:
                return TotalsDifference(answer.Totals, Totals(query, found.SelectMany(static trace => trace.Spans)));
            default:
                string key = query.Text["span.".Length..];
                return answer.Difference(
                    Of(found.SelectMany(static trace => trace.Spans).Select(span => span.Attribute(key)).OfType<string>().Distinct()));
        }
    }

    private static Matches Each(Func<SentSpan, bool> matches) => trace => trace.Where(matches);

    private static IEnumerable<SentSpan> Below(IReadOnlyList<SentSpan> trace, string service)
    {
        Dictionary<string, SentSpan> byId = trace.ToDictionary(static span => span.Id);
        bool HasAncestor(SentSpan span) =>
            byId.TryGetValue(span.ParentId, out SentSpan? parent) && (parent.Service == service || HasAncestor(parent));
        return trace.Where(HasAncestor);
    }

    private static Answer Of(IEnumerable<string> lines) => new([.. lines.Order(StringComparer.Ordinal)], new Dictionary<string, double>());

    /// <summary>Spans by the value that the query groups by, in spans (a rate times its step).</summary>
    private static Dictionary<string, double> Totals(QueryCase query, IEnumerable<SentSpan> spans)
    {
        Match by = Regex.Match(query.Text, @"by \((\S+)\)");
        string? Label(SentSpan span) =>
            !by.Success ? ""
                : by.Groups[1].Value == "resource.service.name" ? span.Service
                : span.Attribute(by.Groups[1].Value["span.".Length..]);
        double unit = query.Text.Contains("rate()", StringComparison.Ordinal) ? Answer.StepSeconds : 1;
        return spans.GroupBy(span => Label(span) ?? "nil").ToDictionary(static group => group.Key, group => group.Count() / unit);
    }

    private static string? TotalsDifference(IReadOnlyDictionary<string, double> answered, Dictionary<string, double> expected)
    {
        // A label as "resource.service.name=cart"; a series without one is named after the function.
        var byValue = answered.Where(static series => series.Value != 0)
            .ToDictionary(static series => series.Key.StartsWith("__name__=", StringComparison.Ordinal)
                ? ""
                : series.Key[(series.Key.IndexOf('=', StringComparison.Ordinal) + 1)..], static series => series.Value);
        foreach ((string label, double total) in expected)
            if (Math.Abs(byValue.GetValueOrDefault(label) - total) > total * 1e-6)
                return $"'{label}' comes to {byValue.GetValueOrDefault(label):G9} instead of {total:G9}";
        return byValue.Keys.Except(expected.Keys).FirstOrDefault() is { } more ? $"a series '{more}' that was not sent" : null;
    }
}
