using Tempo.Engine.Query;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>
/// Metrics queries that are meant to hurt: each is answered, or refused as the client's own fault or as too much, with bounded memory.
/// </summary>
public sealed class MetricsOfDeathTests(GoldenStores stores) : IClassFixture<GoldenStores>
{
    private const long MaxAllocatedBytes = 512L << 20;
    private const ulong SecondNano = 1_000_000_000;
    private const ulong Start = GoldenTraces.BaseSeconds * SecondNano;

    private static IEnumerable<(string Name, QueryRangeRequest Request)> All()
    {
        string[] functions =
        [
            "rate()", "count_over_time()", "count_traces()", "count_distinct(span:id)",
            "quantile_over_time(duration, 0, 0.5, 0.9, 0.99, 1)", "histogram_over_time(duration)",
            "sum_over_time(duration)", "compare({ status = error }, 1000000)",
        ];
        foreach (var function in functions)
        {
            yield return ($"{function} by ids", Of(
                function.StartsWith("compare", StringComparison.Ordinal)
                    ? $"{{ }} | {function}"
                    : $"{{ }} | {function} by (span:id, trace:id, name, .a, .b)"));
            yield return ($"{function}, a nanosecond's steps over a year",
                Of($"{{ }} | {function}") with { StartUnixNano = Start - 365 * 86_400 * SecondNano, StepNano = 1 });
            yield return ($"{function}, the whole of time",
                Of($"{{ }} | {function}") with { StartUnixNano = 1, EndUnixNano = ulong.MaxValue });
            yield return ($"{function}, the largest step", Of($"{{ }} | {function}") with { StepNano = ulong.MaxValue });
            yield return ($"{function}, the end before the start", Of($"{{ }} | {function}") with { EndUnixNano = Start - 5 });
            yield return ($"{function}, exemplars and series without end",
                Of($"{{ }} | {function}") with { Exemplars = uint.MaxValue, MaxSeries = uint.MaxValue });
            yield return ($"{function} of roots that are none", Of($"{{ nestedSetParent < 0 && nestedSetParent >= 0 }} | {function}"));
            foreach (var n in new[] { 100, 1_000, 10_000 })
            {
                yield return ($"{function} of {n} conditions",
                    Of($"{{ {string.Join(" || ", Enumerable.Range(0, n).Select(static i => $".a{i} + 1 = {i}"))} }} | {function}"));
                if (function.StartsWith("compare", StringComparison.Ordinal)) continue;
                yield return ($"{n} of {function} added",
                    Of(string.Join(" + ", Enumerable.Range(0, n).Select(_ => $"({{ }} | {function})"))));
                yield return ($"{function} by {n} fields",
                    Of($"{{ }} | {function} by ({string.Join(", ", Enumerable.Range(0, n).Select(static i => $".a{i}"))})"));
                yield return ($"{function} of {n} stages",
                    Of($"{{ }} | {function}{string.Concat(Enumerable.Repeat(" | topk(1000000000)", n))}"));
                yield return ($"{function} of {n} comparisons", Of($"{{ }} | {function}{string.Concat(Enumerable.Repeat(" > 0", n))}"));
            }
        }
    }

    [Fact]
    public void IsAnsweredOrRefused()
    {
        var tried = 0;
        foreach (var (name, request) in All())
        {
            tried++;
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Run(request);
            }
            catch (QueryException refused)
            {
                Assert.True(refused.Kind is QueryErrorKind.BadRequest or QueryErrorKind.TooLarge or QueryErrorKind.Timeout,
                    $"{name}: {refused.Kind} {refused.Message}");
                Assert.True(refused.Message.Length < 4096, name);
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxAllocatedBytes, $"{name}: {allocated} bytes");
        }

        Assert.True(tried > 100, $"{tried} queries");
    }

    // Waits on this thread: an await may go on on another one, whose bytes are those of other tests.
    private void Run(QueryRangeRequest request) => stores.QueryRange(Layout.Split, request).GetAwaiter().GetResult();

    private static QueryRangeRequest Of(string query) =>
        new() { Query = query, StartUnixNano = Start - 5 * SecondNano, EndUnixNano = Start + 60 * SecondNano, StepNano = SecondNano };
}
