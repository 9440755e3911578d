using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>A compiled filter selects from live batches what a naive evaluator finds true of the spans, whichever kernel runs.</summary>
public sealed class SpanFilterTests
{
    private const int FiltersPerDataSet = 100;

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void SelectsWhatIsTrueOfTheSpans(int seed)
    {
        var random = new Random(seed);
        var spans = new List<TestSpan>();
        var generator = new RandomSpans(random);
        // Several words of marks, and a last one that is not full.
        while (spans.Count < 150) spans.AddRange(generator.Next());
        var live = TestStore.Live(spans);
        var queries = new RandomQueries(random);
        for (var tried = 0; tried < FiltersPerDataSet;)
        {
            var text = queries.Filter();
            if (!TraceQlParser.TryParse(text, out var query, out _)) continue;
            tried++;
            var condition = ((SpansetFilter)((Pipeline)query.SearchPipeline).Stages[0]).Condition;
            var expected = NaiveEngine.Matching(condition, spans);
            foreach (var kernel in KernelChoice.Supported)
            {
                var filter = SpanFilter.Create(condition, kernel);
                var selected = Selected(filter, live);
                var isRight = filter.IsExact ? selected.SetEquals(expected) : selected.IsSupersetOf(expected);
                Assert.True(isRight, $"seed {seed}, {kernel}: {text}\nplan {filter}\nmissing {Text(expected.Except(selected))}, too many {Text(selected.Except(expected))}");
            }
        }
    }

    private static HashSet<ulong> Selected(SpanFilter filter, List<Engine.Storage.Live.LiveBatchView> live)
    {
        var found = new HashSet<ulong>();
        foreach (var view in live)
        {
            var rows = new int[view.SpanCount];
            foreach (var row in rows.AsSpan(0, filter.Select(view.Columns, view.SpanCount, rows))) found.Add(view.Columns.SpanId[row]);
        }

        return found;
    }

    private static string Text(IEnumerable<ulong> ids) => string.Join(' ', ids.Order().Select(static id => id.ToString("x", null)));
}
