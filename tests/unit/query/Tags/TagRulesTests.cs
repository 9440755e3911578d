using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Tags;

/// <summary>The rules of the API specification §4 and §5, one by one.</summary>
public sealed class TagRulesTests
{
    private static readonly TraceSources Golden = new(TestStore.Live(GoldenTraces.Spans), []);

    [Theory]
    [InlineData("", "resource span event link instrumentation intrinsic")]
    [InlineData("none", "resource span event link instrumentation intrinsic")]
    [InlineData("span", "span")]
    [InlineData("intrinsic", "intrinsic")]
    [InlineData("trace", "")]
    public async Task Scopes(string scope, string listed)
    {
        var result = await TagNames.RunAsync(new TagNamesRequest { Scope = scope }, Golden, default);
        Assert.Equal(listed, string.Join(' ', result.Scopes.Select(static s => s.Scope)));
    }

    [Theory]
    [InlineData("all")]
    [InlineData("parent")]
    [InlineData("foo")]
    public async Task A_scope_that_does_not_exist_is_refused(string scope)
    {
        var error =
            await Assert.ThrowsAsync<QueryException>(() => TagNames.RunAsync(new TagNamesRequest { Scope = scope }, Golden, default));
        Assert.Equal((QueryErrorKind.BadRequest, $"invalid scope: {scope}"), (error.Kind, error.Message));
    }

    [Fact]
    public async Task A_limit_cuts_each_scope_and_not_the_intrinsics()
    {
        var result = await TagNames.RunAsync(new TagNamesRequest { MaxNamesPerScope = 1 }, Golden, default);
        foreach (var scope in result.Scopes) Assert.Equal(scope.Scope == "intrinsic" ? TagScopes.Intrinsics.Count : 1, scope.Names.Count);
    }

    [Theory]
    [InlineData("status", "keyword error|keyword ok|keyword unset")]
    [InlineData("span:status", "keyword error|keyword ok|keyword unset")]
    [InlineData("kind", "keyword client|keyword server|keyword producer|keyword consumer|keyword internal|keyword unspecified")]
    [InlineData("duration", "")]
    [InlineData("traceDuration", "")]
    [InlineData("trace:id", "")]
    [InlineData("span:id", "")]
    [InlineData("link:traceID", "")]
    [InlineData("parent.foo", "")]
    [InlineData(".no_such_key", "")]
    [InlineData("span.\"foo bar\"", "string sp")]
    [InlineData("resource.cluster", "string eu|string us")]
    [InlineData(".num", "int 1")]
    [InlineData("span.flag", "bool false|bool true")]
    [InlineData("span.http.status_code", "string 200|int 200|int 500")]
    public async Task Values(string name, string expected)
    {
        var result = await TagValues.RunAsync(new TagValuesRequest { Name = name }, Golden, default);
        Assert.Equal(expected, string.Join(
            '|', result.Values.Take(expected.Length == 0 ? 1 : 99).Select(static value => $"{value.Type} {value.Value}")));
    }

    [Theory]
    [InlineData("service.name", "failed to parse identifier service.name: parse error at line 1, col 2: unknown identifier: service")]
    [InlineData("span.customer id", "failed to parse identifier span.customer id: parse error at line 1, col 16: syntax error: unexpected id")]
    [InlineData("span:foo", "failed to parse identifier span:foo: parse error at line 1, col 7: syntax error: unexpected IDENTIFIER")]
    [InlineData("{", "failed to parse identifier {: parse error at line 1, col 2: syntax error: unexpected {")]
    [InlineData(" ", "failed to parse identifier  : expected Attribute but got traceql.Static")]
    public async Task A_name_that_is_none_is_refused(string name, string text)
    {
        var error =
            await Assert.ThrowsAsync<QueryException>(() => TagValues.RunAsync(new TagValuesRequest { Name = name }, Golden, default));
        Assert.Equal((QueryErrorKind.BadRequest, "please provide a valid tagName: " + text), (error.Kind, error.Message));
    }

    [Theory]
    [InlineData("{ resource.service.name = \"db\" && }")]
    [InlineData("{ resource.service.name = \"db\" && .x= }")]
    [InlineData("{ resource.service.name = \"db\"")]
    public async Task A_query_is_read_while_it_is_typed(string query)
    {
        var result = await TagValues.RunAsync(new TagValuesRequest { Name = "resource.service.name", Query = query }, Golden, default);
        Assert.Equal("db", Assert.Single(result.Values).Value);
    }

    /// <summary>What Grafana's Drilldown asks with every request.</summary>
    [Theory]
    [InlineData("{ nestedSetParent < 0 && true }")]
    [InlineData("{ true && (nestedSetParent = -1) }")]
    public async Task Roots_are_told_by_themselves(string query)
    {
        using var store = new TestStore();
        foreach (var sources in (TraceSources[])[Golden, new TraceSources([], await store.Block(GoldenTraces.Spans))])
        {
            var result = await TagValues.RunAsync(new TagValuesRequest { Name = "name", Query = query }, sources, default);
            Assert.Equal(GoldenTraces.Spans.Where(static span => span.ParentId == 0).Select(static span => span.Name).Distinct()
                .Order(StringComparer.Ordinal), result.Values.Select(static value => value.Value));
        }
    }

    [Theory]
    [InlineData("not a query")]
    [InlineData("{ true }")]
    public async Task A_query_that_says_nothing_filters_nothing(string query)
    {
        var all = await TagValues.RunAsync(new TagValuesRequest { Name = "resource.service.name" }, Golden, default);
        var result = await TagValues.RunAsync(new TagValuesRequest { Name = "resource.service.name", Query = query }, Golden, default);
        Assert.Equal(all.Values, result.Values);
    }

    [Fact]
    public async Task Too_many_alternatives_are_refused()
    {
        var hundred = "{ " + string.Join(" || ", Enumerable.Range(0, 100).Select(static i => $".x = {i}")) + " }";
        await TagValues.RunAsync(new TagValuesRequest { Name = ".x", Query = hundred }, Golden, default);
        var multiplied = "{ " + string.Join(" && ", Enumerable.Range(0, 7).Select(static i => $"(.a = {i} || .b = {i})")) + " }";
        foreach (var query in (string[])[hundred.Replace("{", "{ .y = 1 || ", StringComparison.Ordinal), multiplied])
        {
            var error = await Assert.ThrowsAsync<QueryException>(
                () => TagValues.RunAsync(new TagValuesRequest { Name = ".x", Query = query }, Golden, default));
            Assert.Equal("maximum condition groups reached (limit: 100). Reduce the number of OR conditions in the query", error.Message);
        }
    }

    [Fact]
    public async Task Of_many_values_the_most_frequent_are_listed_up_to_the_limit()
    {
        var spans = Enumerable.Range(1, 60).Select(
            static i => Span(i, i % 3 == 0 ? "often" : i % 3 == 1 && i < 40 ? "less often" : $"once {i}")).ToList();
        using var store = new TestStore(pageSpans: 10, rowGroupSpans: 20);
        var sources = new TraceSources([], await store.Block(spans));
        var result = await TagValues.RunAsync(new TagValuesRequest { Name = "span.k", MaxValues = 2 }, sources, default);
        Assert.Equal(["less often", "often"], result.Values.Select(static value => value.Value));
    }

    [Fact]
    public async Task Bytes_of_values_have_a_bound_and_what_is_beyond_is_left_out()
    {
        var sources = new TraceSources(TestStore.Live(Enumerable.Range(1, 500).Select(static i => Span(i, $"value {i:000}"))), []);
        var result =
            await TagValues.RunAsync(new TagValuesRequest { Name = "span.k", Limits = new TagLimits { MaxBytes = 95 } }, sources, default);
        Assert.Equal((10, "there are more values: the limit is 95 bytes of them (max_bytes_per_tag_values_query)"),
            (result.Values.Count, result.Message));
        Assert.Equal("", (await TagValues.RunAsync(new TagValuesRequest { Name = "span.k", MaxValues = 10 }, sources, default)).Message);
        var names =
            await TagNames.RunAsync(new TagNamesRequest { Scope = "span", Limits = new TagLimits { MaxBytes = 0 } }, sources, default);
        Assert.Empty(names.Scopes);
        Assert.StartsWith("there are more names", names.Message, StringComparison.Ordinal);
    }

    /// <summary>More values than a catalog lists: the block itself is read, and nothing is lost.</summary>
    [Fact]
    public async Task A_catalog_that_does_not_list_all_values_is_completed_by_a_scan()
    {
        var spans = Enumerable.Range(1, 3000).Select(static i => Span(i, i.ToString(CultureInfo.InvariantCulture))).ToList();
        using var store = new TestStore(pageSpans: 500, rowGroupSpans: 1500);
        var sources = new TraceSources([], await store.Block(spans));
        var result = await TagValues.RunAsync(new TagValuesRequest { Name = "span.k" }, sources, default);
        Assert.Equal(3000, result.Values.Count);
        var limited = await TagValues.RunAsync(new TagValuesRequest { Name = "span.k", MaxValues = 50 }, sources, default);
        Assert.Equal(50, limited.Values.Count);
        Assert.True(limited.InspectedBytes < result.InspectedBytes);
    }

    /// <summary>A hundred times the spans and the same names and values: bytes that are read differ by the digits of the counts.</summary>
    [Fact]
    public async Task Tags_are_flat_in_the_number_of_spans()
    {
        using var store = new TestStore();
        var names = new List<ulong>();
        var values = new List<ulong>();
        foreach (var spans in new[] { 100, 10_000 })
        {
            var sources = new TraceSources([], await store.Block(Enumerable.Range(0, spans).Select(static i =>
                GoldenTraces.Spans[0] with
                {
                    TraceId = new TraceId(7, (ulong)i + 1),
                    Attributes = [("tier", $"t{i % 20}"), ("rows", (long)(i % 5))]
                })));
            var ofNames = await TagNames.RunAsync(new TagNamesRequest { Scope = "span" }, sources, default);
            Assert.Equal(["rows", "tier"], Assert.Single(ofNames.Scopes).Names.Order(StringComparer.Ordinal));
            var ofValues = await TagValues.RunAsync(new TagValuesRequest { Name = "span.tier" }, sources, default);
            Assert.Equal(20, ofValues.Values.Count);
            names.Add(ofNames.InspectedBytes);
            values.Add(ofValues.InspectedBytes);
        }

        Assert.All([names, values], static bytes =>
        {
            Assert.True(bytes[0] > 0);
            Assert.InRange(bytes[1], bytes[0], bytes[0] + 200);
        });
    }

    [Fact]
    public async Task Blocks_outside_the_range_and_recent_spans_outside_it_are_left_out()
    {
        using var store = new TestStore();
        var old = Span(1, "old") with { StartUnixNano = 1_000_000_000_000_000_000 };
        var recent = Span(2, "new") with { StartUnixNano = 1_700_000_000_000_000_000 };
        var sources = new TraceSources(TestStore.Live([recent]), await store.Block([old]));
        Assert.Equal(["new"], await ValuesAsync(sources, 1_699_999_999, 1_700_000_001));
        Assert.Equal(["old"], await ValuesAsync(sources, 999_999_999, 1_000_000_001));
        Assert.Equal(["new", "old"], await ValuesAsync(sources, 0, 0));
        Assert.Empty(await ValuesAsync(sources, 1, 2));
    }

    [Fact]
    public async Task A_damaged_block_is_left_out_and_reported()
    {
        using var store = new TestStore();
        var block = await store.Block(Enumerable.Range(1, 50).Select(static i => Span(i, "x")));
        store.DeleteSidecars();
        store.DamagePages(block[0]);
        var result = await TagValues.RunAsync(new TagValuesRequest { Name = "span.k" }, new TraceSources([], block), default);
        Assert.Contains(block[0].Meta.BlockId.ToString(), result.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("service.name", "db front")]
    [InlineData("http.method", "GET")]
    [InlineData("error", "true")]
    [InlineData("status.code", "error ok unset")]
    [InlineData("resource.cluster", "")]
    [InlineData(".cluster", "")]
    [InlineData("status", "")]
    [InlineData("kind", "")]
    [InlineData("duration", "")]
    public async Task Bare_names_of_the_first_version(string name, string expected)
    {
        var result = await LegacyTagValues.RunAsync(new TagValuesRequest { Name = name }, Golden, default);
        var values = result.Values.Select(static value => value.Value).ToList();
        Assert.Equal(values.Order(StringComparer.Ordinal), values);
        if (expected.Length == 0) Assert.Empty(values);
        else Assert.Subset((HashSet<string>)[.. values], (HashSet<string>)[.. expected.Split(' ')]);
    }

    [Fact]
    public async Task Roots_give_the_names_of_traces()
    {
        using var store = new TestStore();
        foreach (var sources in (TraceSources[])[Golden, new TraceSources([], await store.Block(GoldenTraces.Spans))])
        {
            var names = await TagValues.RunAsync(new TagValuesRequest { Name = "rootName" }, sources, default);
            Assert.Contains(new TagValueResult("string", "GET /api"), names.Values);
            Assert.DoesNotContain(new TagValueResult("string", "auth"), names.Values);
            var services = await LegacyTagValues.RunAsync(new TagValuesRequest { Name = "root.service.name" }, sources, default);
            Assert.Contains(new TagValueResult("string", "front"), services.Values);
        }
    }

    private static async Task<List<string>> ValuesAsync(TraceSources sources, long start, long end)
    {
        var result =
            await TagValues.RunAsync(new TagValuesRequest { Name = "span.k", StartSeconds = start, EndSeconds = end }, sources, default);
        return [.. result.Values.Select(static value => value.Value)];
    }

    private static TestSpan Span(int i, string value) => new()
    {
        TraceId = new TraceId(1, (ulong)i),
        Id = (ulong)i,
        StartUnixNano = 1_700_000_000_000_000_000,
        DurationNano = 5,
        Resource = new TestResource([]),
        Attributes = new Attributes { { "k", value } },
    };
}
