namespace Tempo.Perf.Load.Queries;

/// <summary>What a case asks for.</summary>
internal enum QueryKind
{
    Search,
    Range,
    TagValues,
    TagNames,
}

/// <summary>One row of the table of queries.</summary>
/// <param name="Name">What it stands for.</param>
/// <param name="Kind">Which engine answers.</param>
/// <param name="Text">TraceQL, or the name of an attribute.</param>
internal sealed record QueryCase(string Name, QueryKind Kind, string Text)
{
    private const int AllMatches = 10_000_000;

    /// <summary>Spans of the block on which Tempo's figures were taken.</summary>
    private const double TempoSpans = 3_000_000;

    /// <summary>Most traces of a search.</summary>
    public int Limit { get; init; } = AllMatches;

    /// <summary>The filter of a question for tags.</summary>
    public string Filter { get; init; } = "";

    /// <summary>CPU milliseconds of Grafana Tempo 3.0.3 (vParquet5), as performance.md records them; 0: there is none.</summary>
    public double TempoMs { get; init; }

    /// <summary>How many times cheaper it is to be; 0: no goal was set.</summary>
    public double Goal { get; init; }

    /// <summary>What one core allows by performance.md, nanoseconds a span, as text; empty: not stated.</summary>
    public string Bound { get; init; } = "";

    /// <summary>Tempo's nanoseconds a span, or microseconds a request for tags; 0: none.</summary>
    public double TempoNanosPerSpan => TempoMs * 1e6 / TempoSpans;

    /// <summary>
    /// The rows, in the order of the issue that set the goals, then what else dashboards ask. {session} stands for a value that is there.
    /// </summary>
    public static IReadOnlyList<QueryCase> All { get; } =
    [
        new("duration and attribute", QueryKind.Search,
            "{ duration > 1ms && span.db.system = `redis` }") { TempoMs = 810, Goal = 20, Bound = "1 to 4" },
        new("intrinsic", QueryKind.Search, "{ status = error }") { Bound = "1 to 2" },
        new("service and kind", QueryKind.Search, "{ resource.service.name = `cart` && kind = server }") { Bound = "1 to 2" },
        new("attribute = int", QueryKind.Search,
            "{ span.http.response.status_code = 500 }") { TempoMs = 920, Goal = 20, Bound = "2.5 to 4" },
        new("attribute = int, newest 20", QueryKind.Search, "{ span.http.response.status_code = 500 }") { Limit = 20, Bound = "2.5 to 4" },
        new("attribute = text", QueryKind.Search, "{ span.db.system = `redis` }") { Bound = "2.5 to 4" },
        new("attribute of many values = text", QueryKind.Search,
            "{ span.session.id = `{session}` }") { TempoMs = 610, Goal = 20, Bound = "17 to 33" },
        new("attribute = absent text", QueryKind.Search, "{ span.db.system = `no such thing` }") { TempoMs = 50, Goal = 20, Bound = "0" },
        new("absent key", QueryKind.Search, "{ span.no.such.key = 1 }") { Bound = "0" },
        new("regex on name", QueryKind.Search, "{ name =~ `.*Cart.*` }") { TempoMs = 3030, Goal = 15, Bound = "0.3 to 1" },
        new("regex on many values", QueryKind.Search, "{ span.url.full =~ `.*/api/cart.*sess.*` }") { Bound = "9 to 33" },
        new("descendants", QueryKind.Search, "{ resource.service.name = `frontend` } >> { resource.service.name = `cart` }") { TempoMs =
            15_100, Goal = 10 },
        new("count() > 30", QueryKind.Search, "{} | count() > 30") { TempoMs = 3880, Goal = 10 },
        new("no condition, newest 20", QueryKind.Search, "{}") { Limit = 20 },
        new("rate by service", QueryKind.Range, "{} | rate() by (resource.service.name)") { TempoMs = 620, Goal = 25, Bound = "0.9" },
        new("count", QueryKind.Range, "{} | count_over_time()") { TempoMs = 340, Goal = 25, Bound = "0.9" },
        new("quantile by name", QueryKind.Range,
            "{} | quantile_over_time(duration, 0.99) by (name)") { TempoMs = 1230, Goal = 20, Bound = "0.9" },
        new("errors by service", QueryKind.Range, "{ status = error } | rate() by (resource.service.name)"),
        new("roots by service", QueryKind.Range, "{ nestedSetParent < 0 } | rate() by (resource.service.name)"),
        new("root errors", QueryKind.Range, "{ nestedSetParent < 0 && status = error } | rate()"),
        new("by attribute", QueryKind.Range, "{} | count_over_time() by (span.http.request.method)"),
        new("average of an attribute", QueryKind.Range, "{} | avg_over_time(span.http.response.status_code)"),
        new("attribute = int, rate", QueryKind.Range, "{ span.http.response.status_code = 500 } | rate()"),
        new("trace duration", QueryKind.Range, "{ traceDuration > 100ms } | rate() by (resource.service.name)"),
        new("compare", QueryKind.Range, "{ nestedSetParent < 0 } | compare({ status = error })"),
        new("tag values", QueryKind.TagValues, "span.http.request.method") { TempoMs = 10_500, Goal = 50 },
        new("tag values of many", QueryKind.TagValues, "span.session.id") { TempoMs = 10_500, Goal = 50 },
        new("tag values, filtered", QueryKind.TagValues, "span.http.request.method") { Filter = "{ resource.service.name = `frontend` }" },
        new("tag names", QueryKind.TagNames, ""),
        new("tag names, filtered", QueryKind.TagNames, "span") { Filter = "{ resource.service.name = `frontend` }" },
    ];
}
