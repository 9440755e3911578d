using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Tags;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Tags;

/// <summary>
/// Names and values of random data, live and in blocks: those that a walk over plain objects finds, no more and no fewer.
/// </summary>
public sealed class TagOracleTests
{
    private static readonly string[] Keys = ["a", "b", "c", "list", "dedicated", "count", "zone", "service.name", "none"];

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Everything_is_found_without_a_query(int seed)
    {
        using var store = StoreOf(seed);
        var (spans, sources) = await DataOf(seed, store);
        await CheckAsync(seed, "", spans, sources);
    }

    /// <summary>The same without sidecars, as a block from elsewhere comes: everything is scanned.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Everything_is_found_without_sidecars(int seed)
    {
        using var store = StoreOf(seed);
        var (spans, sources) = await DataOf(seed, store);
        store.DeleteSidecars();
        await CheckAsync(seed, "", spans, sources);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task With_a_query_what_the_matching_spans_have_is_found(int seed)
    {
        using var store = StoreOf(seed);
        var (spans, sources) = await DataOf(seed, store);
        foreach (var query in (string[])["{ span.a = `x` }", "{ .b != nil && status = error }", "{ resource.zone = `y` || span.c > 0 }",
            "{ event.a = 1 }", "{ name = `x` }", "{ span.a = `no such value` }"])
            await CheckAsync(seed, query, NaiveEngine.SpansOf(query, spans), sources);
    }

    private static async Task CheckAsync(int seed, string query, IReadOnlyList<TestSpan> spans, TraceSources sources)
    {
        var names = await TagNames.RunAsync(new TagNamesRequest { Query = query }, sources, default);
        Assert.Equal("", names.Message);
        foreach (var scope in NaiveTags.Scopes)
        {
            var found = names.Scopes.SingleOrDefault(s => s.Scope == scope)?.Names ?? [];
            Assert.True(NaiveTags.Names(scope, spans).SequenceEqual(found), $"seed {seed} {query} {scope}: {string.Join(' ', found)}");
            foreach (var key in Keys) await CheckValuesAsync($"{scope}.{key}", NaiveTags.Values(scope, key, spans));
        }

        foreach (var key in Keys)
            await CheckValuesAsync($".{key}", [.. NaiveTags.Values("span", key, spans), .. NaiveTags.Values("resource", key, spans)]);
        await CheckValuesAsync("name", [.. spans.Select(static span => "string " + span.Name)]);
        await CheckValuesAsync("statusMessage", [.. spans.Select(static span => "string " + span.StatusMessage)]);
        await CheckValuesAsync("event:name", [.. spans.SelectMany(static span => span.Events).Select(static e => "string " + e.Name)]);
        await CheckValuesAsync("instrumentation:name", [.. spans.Select(static span => "string " + span.Scope.Name)]);
        await CheckValuesAsync("instrumentation:version", [.. spans.Select(static span => "string " + span.Scope.Version)]);

        async Task CheckValuesAsync(string name, IEnumerable<string> expected)
        {
            var values = await TagValues.RunAsync(new TagValuesRequest { Name = name, Query = query }, sources, default);
            Assert.Equal("", values.Message);
            var found = values.Values.Select(static value => $"{value.Type} {value.Value}").ToList();
            var wanted = expected.Distinct().Order(StringComparer.Ordinal).ToList();
            Assert.True(wanted.SequenceEqual(found.Order(StringComparer.Ordinal)), $"""
                seed {seed} {query} {name}
                expected {string.Join('|', wanted)}
                found    {string.Join('|', found)}
                """);
        }
    }

    private static TestStore StoreOf(int seed) =>
        TestStore.OfSeed(seed, pageSpans: 1 + seed % 7, rowGroupSpans: 1 + seed % 17, seed % 2 == 0 ? OracleTests.Dedicated() : null);

    private static async Task<(List<TestSpan> Spans, TraceSources Sources)> DataOf(int seed, TestStore store)
    {
        var spans = new RandomSpans(new Random(seed)).Next();
        return (spans, await store.Sources(TestStore.LayoutOf(seed), spans));
    }
}
