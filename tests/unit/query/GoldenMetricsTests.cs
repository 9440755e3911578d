using Tempo.Engine.Query;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests;

/// <summary>Metrics queries and their answers, from live data, from a block, and with each trace in several places.</summary>
public sealed class GoldenMetricsTests(GoldenStores stores) : IClassFixture<GoldenStores>
{
    private const ulong SecondNano = 1_000_000_000;
    private const ulong BaseNano = GoldenTraces.BaseSeconds * SecondNano;

    private static readonly QueryRangeRequest FortySeconds =
        new() { StartUnixNano = BaseNano, EndUnixNano = BaseNano + 40 * SecondNano, StepNano = 10 * SecondNano };

    public static TheoryData<Layout> Layouts() => [.. Enum.GetValues<Layout>()];

    public static TheoryData<Layout, string, string> Range() => QueryTable.Read("golden-range.txt");

    public static TheoryData<Layout, string, string> Instant() => QueryTable.Read("golden-instant.txt");

    public static TheoryData<Layout, string, string> Rules() => QueryTable.Read("rules-metrics.txt");

    [Theory]
    [MemberData(nameof(Range))]
    public Task RangesAnswerAsObserved(Layout layout, string query, string expected) => CheckRange(layout, query, expected);

    [Theory]
    [MemberData(nameof(Rules))]
    public Task RangesAnswerByTheRules(Layout layout, string query, string expected) => CheckRange(layout, query, expected);

    [Theory]
    [MemberData(nameof(Instant))]
    public async Task InstantsAnswerAsObserved(Layout layout, string query, string expected)
    {
        var request = new QueryInstantRequest { Query = query, StartUnixNano = BaseNano, EndUnixNano = BaseNano + 40 * SecondNano };
        Assert.Equal(expected, MetricsText.Of(await stores.QueryInstant(layout, request)));
    }

    [Theory]
    [InlineData(10, 40, 10, "10:4 20:2 30:3 40:2")]
    [InlineData(5, 35, 10, "0:1 10:4 20:2 30:3 40:2")]
    [InlineData(0, 39.5, 10, "0:1 10:4 20:2 30:3 40:2")]
    [InlineData(-5, 40, 10, "-10:0 0:1 10:4 20:2 30:3 40:2")]
    [InlineData(0, 40, 2.5, "0:1 2.5:3 5:0 7.5:0 10:1 12.5:1 15:0 17.5:0 20:1 22.5:2 25:0 27.5:0 30:1 32.5:0 35:1 37.5:1 40:0")]
    [InlineData(20, 20, 10, "20:2")]
    public async Task TheRangeIsAlignedToTheStep(double start, double end, double step, string expected)
    {
        foreach (var layout in Enum.GetValues<Layout>())
        {
            var request = new QueryRangeRequest
            {
                Query = "{} | count_over_time()",
                StartUnixNano = At(start),
                EndUnixNano = At(end),
                StepNano = (ulong)(step * SecondNano)
            };
            Assert.Equal("{__name__=count_over_time} " + expected, MetricsText.Of(await stores.QueryRange(layout, request)));
        }
    }

    [Theory]
    [InlineData(10, 30, 5)]
    [InlineData(5, 35, 7)]
    public async Task AnInstantIsOneIntervalOpenOnTheLeft(double start, double end, double expected)
    {
        var result = await stores.QueryInstant(
            Layout.Block, new QueryInstantRequest { Query = "{} | count_over_time()", StartUnixNano = At(start), EndUnixNano = At(end) });
        Assert.Equal(expected, Assert.Single(result.Series).Value);
    }

    [Theory]
    [InlineData("{} | rate(", "parse error at line 1, col 11: syntax error: unexpected $end, expecting )",
        "compiling query: parse error at line 1, col 11: syntax error: unexpected $end, expecting )")]
    [InlineData("", "parse error : syntax error: unexpected $end", "compiling query: parse error : syntax error: unexpected $end")]
    [InlineData("{ .a }", "not a metrics query", "not a metrics query")]
    [InlineData("{ 1 } | rate()", "compiling query: span filter field expressions must resolve to a boolean: { 1 }",
        "compiling query: span filter field expressions must resolve to a boolean: { 1 }")]
    public async Task AWrongQueryIsRefused(string query, string range, string instant)
    {
        var refused = await Assert.ThrowsAsync<QueryException>(() => stores.QueryRange(Layout.Live, FortySeconds with { Query = query }));
        Assert.Equal((QueryErrorKind.BadRequest, range), (refused.Kind, refused.Message));
        refused = await Assert.ThrowsAsync<QueryException>(
            () => stores.QueryInstant(
                Layout.Live, new QueryInstantRequest { Query = query, StartUnixNano = BaseNano, EndUnixNano = BaseNano + 1 }));
        Assert.Equal((QueryErrorKind.BadRequest, instant), (refused.Kind, refused.Message));
    }

    [Theory]
    [InlineData(40, 0, 10, "end must be greater than start")]
    [InlineData(0, 40, 0.001, "step of 1ms is too small, minimum step for given range is 4ms")]
    [InlineData(0, 86_399, 1, "step of 1s is too small, minimum step for given range is 8.6399s")]
    [InlineData(0, 90_000, 30, "metrics query time range exceeds the maximum allowed duration of 24h0m0s")]
    // a step reads what lies before the range
    [InlineData(86_000, 86_400, 360_000, "metrics query time range exceeds the maximum allowed duration of 24h0m0s")]
    [InlineData(0, 86_400, 30, "metrics query time range exceeds the maximum allowed duration of 24h0m0s")]
    public async Task AWrongRangeIsRefused(double start, double end, double step, string expected)
    {
        var request = new QueryRangeRequest
        {
            Query = "{} | rate()",
            StartUnixNano = At(start),
            EndUnixNano = At(end),
            StepNano = (ulong)(step * SecondNano)
        };
        var refused = await Assert.ThrowsAsync<QueryException>(() => stores.QueryRange(Layout.Live, request));
        Assert.Equal((QueryErrorKind.BadRequest, expected), (refused.Kind, refused.Message));
    }

    [Fact]
    public void WithoutALimitAStepOfTooManyIntervalsToCountIsRefused()
    {
        var request = new QueryRangeRequest { Query = "{} | rate()", StartUnixNano = At(0), EndUnixNano = At(40), StepNano = 1 };
        var limits = new MetricsLimits { MaxIntervals = 0 };
        var refused = Assert.Throws<QueryException>(
            () => Tempo.Engine.Query.Metrics.RangeAlignment.OfRange(request, limits, DateTimeOffset.UnixEpoch.AddDays(30_000)));
        Assert.Equal(QueryErrorKind.BadRequest, refused.Kind);
        Assert.Equal("step of 1ns is too small, minimum step for given range is 37ns", refused.Message);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task ExemplarsNameTheirTraceAndWhatTheQueryNames(Layout layout)
    {
        Assert.Equal("{trace:id=abc, name=p} 0.1 30", await ExemplarOf(layout, "{ name = \"p\" } | rate()"));
        Assert.Equal("{trace:id=abc, name=p, duration=1.5s} 1.5 30",
            await ExemplarOf(layout, "{ name = \"p\" } | quantile_over_time(duration, 0.5)"));
        Assert.Equal("{trace:id=abc, span.neg=int:-5} -5 30", await ExemplarOf(layout, "{ .neg < 0 } | max_over_time(.neg)"));
        Assert.Equal("", await ExemplarOf(layout, "{ name = \"p\" } | rate() with(exemplars=false)"));
    }

    // The roots of the two traces that have rows begin before the spans that have them, or have others.
    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task AnExemplarIsTheFirstSpanOfItsTraceThatHasTheValue(Layout layout)
    {
        foreach (var function in (string[])["min", "max", "avg", "sum"])
            Assert.Equal(["10 1", "3 10"], await RowsOfExemplars(layout, $"{{}} | {function}_over_time(span.rows)"));
        Assert.Equal(["10 1", "3 10"], await RowsOfExemplars(layout, "{} | quantile_over_time(span.rows, 0.5)"));
    }

    private async Task<List<string>> RowsOfExemplars(Layout layout, string query)
    {
        var result = await stores.QueryRange(layout, FortySeconds with { Query = query });
        return [.. result.Series.SelectMany(static series => series.Exemplars).OrderBy(static e => e.TimestampMs)
            .Select(static e => $"{e.Labels.Single(static label => label.Key == "span.rows").Value} {e.TimestampMs / 1000 - GoldenTraces.BaseSeconds}".Replace("int:", "", StringComparison.Ordinal))];
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task ExemplarsAreOneATraceAndTheSameEveryTime(Layout layout)
    {
        var results = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(_ => stores.QueryRange(layout, FortySeconds with { Query = "{} | rate() by(name)" })));
        var texts = results.Select(
            static r => string.Join(
                ' ', r.Series.SelectMany(static s => s.Exemplars).Select(static e => $"{MetricsText.Of(e.Labels)}@{e.TimestampMs}")))
                    .ToList();
        Assert.Single(texts.Distinct());
        var traces = results[0].Series.SelectMany(static s => s.Exemplars).Select(static e => (string)e.Labels[0].Value).ToList();
        Assert.Equal(5, traces.Count);
        Assert.Equal(5, traces.Distinct().Count());
        var two = await stores.QueryRange(layout, FortySeconds with { Query = "{} | rate() by(name)", Exemplars = 2 });
        Assert.Equal(2, two.Series.Sum(static s => s.Exemplars.Count));
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public async Task MoreSeriesThanTheLimitAreCutAndSaidSo(Layout layout)
    {
        var result = await stores.QueryRange(layout, FortySeconds with { Query = "{} | rate() by(name)", MaxSeries = 3 });
        Assert.Equal(["{name=GET /api}", "{name=arr}", "{name=arr2}"], result.Series.Select(static s => MetricsText.Of(s.Labels)));
        Assert.Equal("Response exceeds maximum series limit of 3, a partial response is returned. Warning: the accuracy of each individual value is not guaranteed.", result.Message);
    }

    [Fact]
    public async Task SeriesThatNeedTooMuchMemoryAreRefused()
    {
        var limits = new MetricsLimits { MaxBytes = 10_000 };
        var refused = await Assert.ThrowsAsync<QueryException>(
            () => stores.QueryRange(
                Layout.Block, FortySeconds with { Query = "{} | rate() by(name)", StepNano = SecondNano / 50 }, limits));
        Assert.Equal(QueryErrorKind.TooLarge, refused.Kind);
        Assert.Contains("10000 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheNewestSpansAreLeftOutOnRequestOnly()
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(GoldenTraces.BaseSeconds + 41);
        var all = await stores.QueryRange(Layout.Live, FortySeconds with { Query = "{} | count_over_time()" }, now: now);
        var cut = await stores.QueryRange(Layout.Live, FortySeconds with { Query = "{} | count_over_time()" },
            new MetricsLimits { QueryEndCutoff = TimeSpan.FromSeconds(15) }, now);
        Assert.Equal("{__name__=count_over_time} 0:1 10:4 20:2 30:3 40:2", MetricsText.Of(all));
        Assert.Equal("{__name__=count_over_time} 0:1 10:4 20:2", MetricsText.Of(cut));
    }

    /// <summary>http-api §6: the golden spans lie in the 40 s before "now", and <c>query_end_cutoff</c> is 30 s.</summary>
    [Fact]
    public async Task WhatTheCutoffLeavesNothingOf()
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(GoldenTraces.BaseSeconds + 41);
        var limits = new MetricsLimits { QueryEndCutoff = TimeSpan.FromSeconds(30) };
        Task<QueryRangeResult> Range(double start, double end, ulong stepSeconds) => stores.QueryRange(
            Layout.Live, new QueryRangeRequest
            {
                Query = "{} | count_over_time()",
                StartUnixNano = At(start),
                EndUnixNano = At(end),
                StepNano = stepSeconds * SecondNano
            }, limits, now);

        // Wholly in the last 30 s, or in the future.
        foreach (var (start, end) in new[] { (12.0, 40.0), (11, 41), (50, 60), (41, 41) })
        {
            var refused = await Assert.ThrowsAsync<QueryException>(() => Range(start, end, 5));
            Assert.Equal((QueryErrorKind.BadRequest, "end must be greater than start"), (refused.Kind, refused.Message));
        }

        // The last five minutes by the hour: no hour has ended in what is left.
        var hours = await Range(-260, 41, 3600);
        Assert.Equal((0, 1u), (hours.Series.Count, hours.Metrics.CompletedJobs));
        Assert.Equal("{__name__=count_over_time} 0:1 5:3 10:1", MetricsText.Of(await Range(0, 40, 5)));

        // An instant query of nothing has the series of nothing found.
        QueryInstantRequest instant = new() { Query = "{} | count_over_time()", StartUnixNano = At(12), EndUnixNano = At(40) };
        var nothing = await stores.QueryInstant(Layout.Live, instant, limits, now);
        Assert.Equal([0.0], nothing.Series.Select(static series => series.Value));
        Assert.Empty((await stores.QueryInstant(
            Layout.Live, instant with { Query = "{} | count_over_time() by(name)" }, limits, now)).Series);
    }

    [Fact]
    public async Task ACancelledQueryStops() =>
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => stores.QueryRange(
                Layout.Split, FortySeconds with { Query = "{} | rate()" }, cancellation: new CancellationToken(canceled: true)));

    [Theory]
    [InlineData(40, "150ms")]
    [InlineData(59, "200ms")]
    [InlineData(60, "1s")]
    [InlineData(300, "1s")]
    [InlineData(1200, "5s")]
    [InlineData(3600, "15s")]
    [InlineData(4 * 3600, "1m0s")]
    [InlineData(24 * 3600, "5m0s")]
    public void TheStepFollowsFromTheRange(long seconds, string expected) =>
        Assert.Equal(expected, Tempo.Engine.TraceQL.Ast.TraceQlValue.Duration(
            Tempo.Engine.Query.Metrics.RangeAlignment.AutoStep(seconds * (long)SecondNano)).ToString());

    private async Task CheckRange(Layout layout, string query, string expected)
    {
        var result = await stores.QueryRange(layout, FortySeconds with { Query = query });
        Assert.Equal("", result.Message);
        Assert.Equal(MetricsText.Sorted(expected), MetricsText.Sorted(MetricsText.Of(result)));
    }

    private async Task<string> ExemplarOf(Layout layout, string query)
    {
        var result = await stores.QueryRange(layout, FortySeconds with { Query = query });
        return string.Join(" ; ", result.Series.SelectMany(static series => series.Exemplars)
            .Select(static e => $"{MetricsText.Of(e.Labels)} {e.Value.ToString(System.Globalization.CultureInfo.InvariantCulture)} {e.TimestampMs / 1000 - GoldenTraces.BaseSeconds}"));
    }

    private static ulong At(double offsetSeconds) => (ulong)((long)BaseNano + (long)Math.Round(offsetSeconds * SecondNano));
}
