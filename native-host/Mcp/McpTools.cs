using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Tags;
using Tempo.Engine.TraceQL;
using Tempo.Host.Diff;
using Tempo.Host.Http;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Mcp;

/// <summary>The tools of the MCP server: the query API, in words for an assistant.</summary>
internal sealed class McpTools(TempoNode node, QueryLimits limits, Func<TenantSet, long> maxTraceBytes, TimeProvider time)
{
    private const string Docs = "query parse error. Consult TraceQL docs tools: ";

    /// <summary>Range of a query that names none.</summary>
    private static readonly TimeSpan DefaultRange = TimeSpan.FromHours(1);

    private static readonly McpParameter Start = new("start", "Beginning of the range, RFC 3339. Default: an hour before the end.", false);
    private static readonly McpParameter End = new("end", "End of the range, RFC 3339. Default: now.", false);

    public IReadOnlyList<McpTool> All() =>
    [
        new("traceql-search", "Find traces by a TraceQL query, newest first, each with the spans that matched. Read docs-traceql before the first query.",
            [new("query", "A TraceQL query without a metrics function.", true), Start, End], SearchAsync),
        new("traceql-metrics-instant", "Run a TraceQL metrics query for one value a series over the whole range.",
            [new("query", "A TraceQL query that ends in a metrics function.", true), Start, End], InstantAsync),
        new("traceql-metrics-range", "Run a TraceQL metrics query for a series of values over the range.",
            [new("query", "A TraceQL query that ends in a metrics function.", true), Start, End], RangeAsync),
        new("get-trace", "Show all spans of one trace, by service.", [new("trace_id", "The trace id in hex.", true)], TraceAsync),
        new("trace-diff", "Compare two traces of the same operation: what is slower, fails, was added or removed, by service and span.",
            [new("base_trace_id", "The trace id, in hex, of the run to compare with.", true),
                new("compare_trace_id", "The trace id, in hex, of the run in question.", true),
             new("format", "How much to tell; default: figures, and the changes if they are few.", false, TraceSummaryJson.Composed,
                 TraceSummaryJson.Native, TracePatchJson.Version)], DiffAsync),
        new("get-attribute-names", "List the attributes that spans have, by scope.",
            [new("scope", "Only this scope.", false, "span", "resource", "event", "link", "instrumentation", "intrinsic")],
            AttributeNamesAsync),
        new("get-attribute-values", "List the values of one attribute, by type.",
            [new("name", "A scoped attribute such as span.http.route or resource.service.name, or a field such as status.", true),
             new("filter-query", "A TraceQL query: only values on the spans that match.", false)], AttributeValuesAsync),
        new("docs-traceql", "Read how TraceQL is written.", [new("name", "Which document.", true, McpDocs.TraceQl)],
            (_, arguments, _) => Task.FromResult(ReadDocument(arguments, McpDocs.TraceQl, "traceql-"))),
        new("docs-config", "Read how this server is configured.", [new("name", "Which document.", true, McpDocs.Config)],
            (_, arguments, _) => Task.FromResult(ReadDocument(arguments, McpDocs.Config, ""))),
    ];

    private async Task<McpResult> SearchAsync(TenantSet asked, McpArguments arguments, CancellationToken cancellation)
    {
        if (!TryReadQuery(arguments, isMetrics: false, out var query, out var wrong) || !TryReadRange(arguments, out var range, out wrong))
            return wrong;
        var input =
            new SearchInput { Query = query, Start = (uint)range.Start.ToUnixTimeSeconds(), End = (uint)range.End.ToUnixTimeSeconds() + 1 };
        if (!SearchParameters.TryCreate(input, limits.Of(asked), time.GetUtcNow(), out var search, out var error))
            return McpResult.Error(error);
        var result = await node.SearchAsync(asked, search.Request, cancellation).ConfigureAwait(false);
        using var json = new AnswerBuffer();
        SearchJson.Write(result, search.HasSpanSets, json);
        return new McpResult(json.ToText(), "search-results", "json", "1");
    }

    private async Task<McpResult> RangeAsync(TenantSet asked, McpArguments arguments, CancellationToken cancellation)
    {
        if (!TryReadQuery(arguments, isMetrics: true, out var query, out var wrong) || !TryReadRange(arguments, out var range, out wrong))
            return wrong;
        var request =
            new QueryRangeRequest { Query = query, StartUnixNano = Nanoseconds(range.Start), EndUnixNano = Nanoseconds(range.End) };
        using var json = new AnswerBuffer();
        MetricsJson.Write(await node.QueryMetricsAsync(asked, request, cancellation).ConfigureAwait(false), json);
        return new McpResult(json.ToText(), "metrics-range", "json", "1");
    }

    private async Task<McpResult> InstantAsync(TenantSet asked, McpArguments arguments, CancellationToken cancellation)
    {
        if (!TryReadQuery(arguments, isMetrics: true, out var query, out var wrong) || !TryReadRange(arguments, out var range, out wrong))
            return wrong;
        var request =
            new QueryInstantRequest { Query = query, StartUnixNano = Nanoseconds(range.Start), EndUnixNano = Nanoseconds(range.End) };
        using var json = new AnswerBuffer();
        MetricsJson.Write(await node.QueryMetricsAsync(asked, request, cancellation).ConfigureAwait(false), json);
        return new McpResult(json.ToText(), "metrics-instant", "json", "1");
    }

    private async Task<McpResult> TraceAsync(TenantSet asked, McpArguments arguments, CancellationToken cancellation)
    {
        if (!arguments.TryRequire("trace_id", out var text, out var wrong)) return wrong;
        if (!TraceId.TryParse(text, out var id)) return McpResult.Error("trace_id is an id of at most 32 hex digits");
        using var reading = await node.ReadTraceAsync(asked, id, 0, 0, cancellation).ConfigureAwait(false);
        using var body = new TraceByIdBody(reading.Trace, maxTraceBytes(asked));
        using var json = new AnswerBuffer();
        TraceLlmJson.Write(reading.Trace, body, json);
        return new McpResult(json.ToText(), "trace", "json", "2");
    }

    private async Task<McpResult> DiffAsync(TenantSet asked, McpArguments arguments, CancellationToken cancellation)
    {
        if (!arguments.TryRequire("base_trace_id", out var before, out var wrong)
            || !arguments.TryRequire("compare_trace_id", out var after, out wrong))
            return wrong;
        if (!TraceId.TryParse(before, out var beforeId) || !TraceId.TryParse(after, out var afterId))
            return McpResult.Error("base_trace_id and compare_trace_id are ids of at most 32 hex digits");
        var word = arguments["format"];
        if (!TraceDiffRequest.TryFormat(word.Length == 0 ? TraceSummaryJson.Composed : word, out var format, out var error))
            return McpResult.Error(error);
        using var json = new AnswerBuffer();
        var request = new TraceDiffRequest(new DiffTrace(beforeId, 0, 0), new DiffTrace(afterId, 0, 0), format);
        var (failure, text) =
            await new TraceDiffQuery(node, maxTraceBytes).RunAsync(asked, request, json, cancellation).ConfigureAwait(false);
        return failure == DiffFailure.None ? new McpResult(json.ToText(), "trace-diff", "json", "1") : McpResult.Error(text);
    }

    private async Task<McpResult> AttributeNamesAsync(TenantSet asked, McpArguments arguments, CancellationToken cancellation)
    {
        var (start, end) = LastHour();
        var request = new TagNamesRequest { Scope = arguments["scope"], StartSeconds = start, EndSeconds = end };
        using var json = new AnswerBuffer();
        TagJson.WriteScopes(await node.TagNamesAsync(asked, request, cancellation).ConfigureAwait(false), json);
        return new McpResult(json.ToText(), "attribute-names", "json", "2");
    }

    private async Task<McpResult> AttributeValuesAsync(TenantSet asked, McpArguments arguments, CancellationToken cancellation)
    {
        if (!arguments.TryRequire("name", out var name, out var wrong)) return wrong;
        var (start, end) = LastHour();
        var request = new TagValuesRequest { Name = name, Query = arguments["filter-query"], StartSeconds = start, EndSeconds = end };
        using var json = new AnswerBuffer();
        TagJson.WriteForModels(await node.TagValuesAsync(asked, request, cancellation).ConfigureAwait(false), json);
        return new McpResult(json.ToText(), "attribute-values", "json", "2");
    }

    private (long Start, long End) LastHour()
    {
        var now = time.GetUtcNow();
        return ((now - DefaultRange).ToUnixTimeSeconds(), now.ToUnixTimeSeconds() + 1);
    }

    private static McpResult ReadDocument(McpArguments arguments, string[] names, string prefix)
    {
        if (!arguments.TryRequire("name", out var name, out var wrong)) return wrong;
        return Array.IndexOf(names, name) >= 0
            ? McpResult.Documentation(McpDocs.Read(prefix + name))
            : McpResult.Error($"there is no such document; there are {string.Join(", ", names)}");
    }

    // Each kind of query has a tool of its own; an assistant that mixes them up is told which.
    private static bool TryReadQuery(McpArguments arguments, bool isMetrics, out string query, out McpResult wrong)
    {
        if (!arguments.TryRequire("query", out query, out wrong)) return false;
        if (!TraceQlParser.TryParse(query, out var parsed, out var error)) wrong = McpResult.Error(Docs + error.Message);
        else if (!isMetrics && parsed.Metrics is not null)
            wrong = McpResult.Error(
                "TraceQL metrics query received on traceql-search tool. Use the traceql-metrics-instant or traceql-metrics-range tool instead");
        else if (isMetrics && parsed.Metrics is null)
            wrong = McpResult.Error("TraceQL search query received on a metrics tool. Use the traceql-search tool instead");
        else return true;
        return false;
    }

    private bool TryReadRange(McpArguments arguments, out (DateTimeOffset Start, DateTimeOffset End) range, out McpResult wrong)
    {
        range = default;
        if (!TryReadTime(arguments, "end", time.GetUtcNow(), out var end, out wrong)
            || !TryReadTime(arguments, "start", end - DefaultRange, out var start, out wrong))
            return false;
        range = (start, end);
        if (start < end) return true;
        wrong = McpResult.Error("start is not before end");
        return false;
    }

    private static bool TryReadTime(
        McpArguments arguments, string name, DateTimeOffset absent, out DateTimeOffset value, out McpResult wrong)
    {
        value = absent;
        wrong = default!;
        var text = arguments[name];
        if (text.Length == 0) return true;
        var isTime = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out value)
            && value > DateTimeOffset.UnixEpoch && value.ToUnixTimeSeconds() < uint.MaxValue;
        if (!isTime) wrong = McpResult.Error($"{name} is a time such as 2026-11-28T13:00:00Z");
        return isTime;
    }

    private static ulong Nanoseconds(DateTimeOffset value) => (ulong)(value - DateTimeOffset.UnixEpoch).Ticks * 100;
}
