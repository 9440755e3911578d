using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Sources;
using Tempo.Query.Tests.Oracle;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Parts;

/// <summary>The bytes of what was counted: small, and what is no such thing is refused whole.</summary>
public sealed class MetricsPartTests
{
    private const ulong MillisecondNano = 1_000_000;
    private const ulong SecondNano = 1_000 * MillisecondNano;
    private const ulong StartNano = 1_700_000_000 * SecondNano;
    private const int HeadBytes = 14, AxisBytes = 24;

    /// <summary>
    /// Reading may take that much beside what answering a query without spans does: labels and values are some times as large as their
    /// bytes.
    /// </summary>
    private const long MostBytes = 1 << 20;

    private static readonly TraceSources Nothing = new([], []);

    private static readonly string[] Queries =
    [
        "{} | rate()",
        "{} | count_over_time() by (.a, span.b, name, kind, status)",
        "{} | sum_over_time(.a) by (resource.zone)",
        "{} | avg_over_time(duration) by (duration)",
        "{} | min_over_time(.b) by (name)",
        "{} | max_over_time(duration)",
        "{} | histogram_over_time(duration) by (name)",
        "{} | quantile_over_time(duration, 0.5, 0.9) by (kind)",
        "{} | count_traces() by (resource.service.name)",
        "{} | count_distinct(.a) by (name)",
        "{} | compare({ status = error })",
        "({} | rate() by (name)) / ({} | count_traces() by (name)) | topk(3)",
    ];

    public static TheoryData<string> AllQueries() => [.. Queries];

    [Theory]
    [MemberData(nameof(AllQueries))]
    public async Task A_part_that_is_cut_off_is_refused(string query)
    {
        var part = await PartOf(query);
        for (var length = 0; length < part.Length; length++)
        {
            var cut = part[..length];
            Assert.Contains(" at byte ", (await Assert.ThrowsAsync<MetricsPartException>(
                () => DividedQuery.AddAsync(Request(query), Nothing, [cut]))).Message, StringComparison.Ordinal);
        }

        await Assert.ThrowsAsync<MetricsPartException>(() => DividedQuery.AddAsync(Request(query), Nothing, [[.. part, 0]]));
    }

    /// <summary>
    /// A flipped bit makes another number, another name or nonsense; which of them, nobody knows, but the last is said as such.
    /// </summary>
    [Theory]
    [MemberData(nameof(AllQueries))]
    public async Task A_damaged_part_is_refused_or_has_an_answer_and_takes_no_more_memory(string query)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var part = await PartOf(query);
        await DividedQuery.AddAsync(Request(query), Nothing, [part]);
        var usual = await AllocatedAsync(query, part);
        for (var run = 0; run < 10_000 / Queries.Length + 1; run++)
        {
            var damaged = part.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                damaged[random.Next(HeadBytes + AxisBytes, damaged.Length)] ^= (byte)(1 << random.Next(8));
            if (random.Next(4) == 0) damaged[random.Next(HeadBytes + AxisBytes, damaged.Length)] = 0xFF;
            try
            {
                var allocated = await AllocatedAsync(query, damaged);
                Assert.True(allocated < usual + MostBytes,
                    $"seed {seed}, {query}: {allocated} bytes allocated, {usual} for the part that is sound: {Convert.ToHexString(damaged)}");
            }
            catch (MetricsPartException)
            {
                // Refused.
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}, {query}: {e}\n{Convert.ToHexString(damaged)}");
            }
        }
    }

    /// <summary>Two pipelines: of the first all is there, of the second not.</summary>
    [Fact]
    public async Task What_a_damaged_part_had_before_the_damage_is_not_added()
    {
        const string query = "({} | count_over_time()) + ({} | count_over_time())";
        var part = await PartOf(query);
        var (plan, sum) = PlanOf(query, new MetricsLimits());
        using var budget = plan.Options.Budget;
        for (var length = HeadBytes + AxisBytes; length < part.Length; length++)
            Assert.Throws<MetricsPartException>(() => MetricsPart.Add(part.AsSpan(0, length), plan, query, sum));
        MetricsPart.Add(part, plan, query, sum);
        var spans = Spans().Count(static span => span.StartUnixNano is > StartNano - SecondNano / 4 and <= StartNano + 5 * SecondNano);
        Assert.Equal([spans, spans], sum.ToSeries(plan).Select(static series => (int)series[0].Values.Sum()));
        Assert.Equal(1u, sum.Metrics.TotalJobs);
    }

    [Fact]
    public async Task A_part_is_charged_beside_what_it_is_added_to_as_long_as_that_takes()
    {
        const string query = "{} | count_over_time() by (name)";
        var spans = Enumerable.Range(1, 2000).Select(
            static i => GoldenTraces.Spans[0] with
            {
                TraceId = new TraceId(1, (ulong)i),
                StartUnixNano = StartNano,
                Name = $"a name that is different for each span {i}"
            }).ToList();
        var part = await DividedQuery.CountAsync(Request(query), new TraceSources(TestStore.Live(spans), []));
        var (plan, sum) = PlanOf(query, new MetricsLimits());
        using var budget = plan.Options.Budget;
        MetricsPart.Add(part, plan, query, sum);
        var used = budget.UsedBytes;

        // It has all of it already.
        MetricsPart.Add(part, plan, query, sum);
        Assert.Equal(used, budget.UsedBytes);

        using var output = new NativeBuffer();
        MetricsPart.Write(output, plan, query, sum);
        Assert.Equal(used + output.Capacity, budget.UsedBytes);

        var (smaller, empty) = PlanOf(query, new MetricsLimits { MaxBytes = used * 19 / 10 });
        using var limited = smaller.Options.Budget;
        Assert.Equal(QueryErrorKind.TooLarge, Assert.Throws<QueryException>(() => MetricsPart.Add(part, smaller, query, empty)).Kind);
    }

    [Fact]
    public async Task A_part_of_something_else_is_refused_and_says_what_it_is()
    {
        var request = Request("{} | rate()");
        var part = await PartOf(request.Query);
        await RefusedAsync(request with { Query = "{} | rate() by (name)" }, part, "it is of another query");
        await RefusedAsync(request with { StepNano = SecondNano / 2 }, part, "intervals of 250000000 ns");
        await RefusedAsync(request with { StartUnixNano = StartNano + SecondNano, EndUnixNano = request.EndUnixNano + SecondNano }, part,
            "have the nodes the same configuration?");
        await RefusedAsync(request with { EndUnixNano = request.EndUnixNano + SecondNano }, part, "have the nodes the same configuration?");
        await RefusedAsync(request, [.. "TPMQ"u8, .. part[4..]], "it is no part of a metrics query");
        await RefusedAsync(request, [.. part[..4], 2, .. part[5..]], "it has the version 2, this node has 1");
        await RefusedAsync(request, [.. part[..13], 3, .. part[14..]], "its kind of 3, from 0 to 2 expected");
    }

    [Fact]
    public async Task A_range_without_intervals_is_said_and_no_part_of_one_that_has_some()
    {
        // All but the end of the range is cut off.
        var limits = new MetricsLimits { QueryEndCutoff = TimeSpan.FromDays(1) };
        var request = new QueryRangeRequest
        {
            Query = "{} | rate()",
            StartUnixNano = StartNano,
            EndUnixNano = StartNano + 60 * SecondNano,
            StepNano = 60 * SecondNano
        };
        var now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).AddDays(1).AddSeconds(10);
        using var output = new NativeBuffer();
        output.Append("before"u8);
        await MetricsQuery.CountAsync(request, Nothing, limits, now, 1, output, TestContext.Current.CancellationToken);
        Assert.Equal(6 + HeadBytes, output.Length);
        Assert.Empty((await MetricsQuery.RunAsync(
            request, Nothing, limits, now, 1, TestContext.Current.CancellationToken, [output])).Series);
        await RefusedAsync(request, output.Written[6..].ToArray(), "its range is empty");
    }

    [Fact]
    public async Task What_one_node_cannot_read_does_not_reach_the_others_as_more_than_a_message()
    {
        var request = Request("{} | rate()");
        Assert.Equal("half is missing", (await DividedQuery.AddAsync(
            request, Nothing, [await DividedQuery.CountAsync(request, Nothing with { Damage = "half is missing" })])).Message);
    }

    /// <summary>
    /// Of an axis of thousands of intervals nothing is written where nothing was counted, and a byte or two where something was.
    /// </summary>
    [Theory]
    [InlineData(1, 400)]
    [InlineData(3600, 3600 * 2)]
    public async Task A_part_is_as_large_as_what_was_counted(int seconds, int mostBytes)
    {
        var spans = Enumerable.Range(0, seconds)
            .SelectMany(second => Enumerable.Range(1, 3)
                .Select(i => GoldenTraces.Spans[0] with
                {
                    TraceId = new TraceId((ulong)second, (ulong)i),
                    StartUnixNano = StartNano + (ulong)second * SecondNano
                })).ToList();
        var request = new QueryRangeRequest
        {
            Query = "{} | count_over_time() with(exemplars=false)",
            StartUnixNano = StartNano - 100 * SecondNano,
            EndUnixNano = StartNano + 3700 * SecondNano,
            StepNano = SecondNano
        };
        var part = await DividedQuery.CountAsync(request, new TraceSources(TestStore.Live(spans), []));
        Assert.InRange(part.Length, 20, mostBytes);
        Assert.Equal(
            3 * seconds, (await DividedQuery.AddAsync(request, Nothing, [part])).Series[0].Samples.Sum(static sample => sample.Value));
    }

    /// <summary>Values that no count is: they come back with all their bits.</summary>
    [Theory]
    [InlineData(-0.0)]
    [InlineData(0.1)]
    [InlineData(-3.0)]
    [InlineData(9007199254740992.0)]
    [InlineData(9007199254740994.0)]
    [InlineData(double.Epsilon)]
    [InlineData(double.MaxValue)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public async Task Numbers_keep_their_bits(double value)
    {
        var span = GoldenTraces.Spans[0] with { StartUnixNano = StartNano, Attributes = [("v", value)] };
        foreach (var function in new[] { "min", "max", "sum", "avg" })
        {
            var request = Request($"{{}} | {function}_over_time(.v) by (.v)");
            var sources = new TraceSources(TestStore.Live([span]), []);
            var one = await new DividedQuery([sources]).RangeAsync(request);
            var divided = await new DividedQuery([Nothing, sources]).RangeAsync(request);
            var (expected, found) = (Assert.Single(one.Series), Assert.Single(divided.Series));
            // A sum begins at zero, so that the sign of one is lost in any case.
            Assert.Equal(BitConverter.DoubleToInt64Bits(expected.Samples[0].Value), BitConverter.DoubleToInt64Bits(found.Samples[0].Value));
            Assert.Equal(expected.Labels, found.Labels);
            Assert.Equal(
                BitConverter.DoubleToInt64Bits(expected.Exemplars[0].Value), BitConverter.DoubleToInt64Bits(found.Exemplars[0].Value));
        }
    }

    private static QueryRangeRequest Request(string query) =>
        new() { Query = query, StartUnixNano = StartNano, EndUnixNano = StartNano + 5 * SecondNano, StepNano = SecondNano / 4 };

    private static (MetricsPlan Plan, MetricsSum Sum) PlanOf(string query, MetricsLimits limits)
    {
        var parsed = MetricsPlan.Parse(query, limits, isInstant: false);
        var plan = MetricsPlan.Create(
            parsed, MetricsOptions.Create(parsed, RangeAlignment.OfRange(Request(query), limits, DateTimeOffset.UnixEpoch.AddDays(30_000))!,
                exemplars: 0, maxSeries: 0, limits));
        return (plan, new MetricsSum([.. plan.Leaves.Select(leaf => LeafWorker.NewAccumulator(leaf, plan.Options))], new SearchMetrics()));
    }

    private static List<TestSpan> Spans() => new RandomSpans(new Random(7), MillisecondNano).Next();

    private static Task<byte[]> PartOf(string query) =>
        DividedQuery.CountAsync(Request(query), new TraceSources(TestStore.Live(Spans()), []));

    private static async Task RefusedAsync(QueryRangeRequest request, byte[] part, string why) =>
        Assert.Contains(why, (await Assert.ThrowsAsync<MetricsPartException>(
            () => DividedQuery.AddAsync(request, Nothing, [part]))).Message, StringComparison.Ordinal);

    // All on this thread: nothing is waited for.
    private static async Task<long> AllocatedAsync(string query, byte[] part)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        await DividedQuery.AddAsync(Request(query), Nothing, [part]);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
