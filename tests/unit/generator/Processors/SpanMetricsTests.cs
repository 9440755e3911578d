using Tempo.Engine.Generator.SpanMetrics;
using Tempo.Engine.Generator.Spans;
using Tempo.Generator.Tests.Testing;

namespace Tempo.Generator.Tests.Processors;

/// <summary>Names, labels, buckets and rules of operations, held against series in Prometheus' text.</summary>
public sealed class SpanMetricsTests
{
    private static TestSpan Handle =>
        new() { Id = 1, Name = "handle", Kind = 2, Status = 2, Seconds = 0.2, Resource = TestSpan.Service("backend") };

    [Fact]
    public void The_default_series_are_those_of_Tempo()
    {
        var sheet = SeriesSheet.Of(Generators.New("span-metrics").Add(Handle));

        const string labels = "service=\"backend\",span_kind=\"SPAN_KIND_SERVER\",span_name=\"handle\",status_code=\"STATUS_CODE_ERROR\"";
        Assert.Equal(1, sheet.Values[$"traces_spanmetrics_calls_total{{{labels}}}"]);
        Assert.Equal(0.2, sheet.Values[$"traces_spanmetrics_latency_sum{{{labels}}}"], 9);
        Assert.Equal(1, sheet.Values[$"traces_spanmetrics_latency_count{{{labels}}}"]);
        string[] bounds = ["0.002", "0.004", "0.008", "0.016", "0.032", "0.064", "0.128", "0.256", "0.512", "1.024", "2.048", "4.096",
            "8.192", "16.384", "+Inf"];
        foreach (var bound in bounds)
            Assert.Equal(bound is "+Inf" || double.Parse(bound, System.Globalization.CultureInfo.InvariantCulture) >= 0.2 ? 1 : 0,
                sheet.Values[$"traces_spanmetrics_latency_bucket{{le=\"{bound}\",{labels}}}"]);
        Assert.Equal(19, sheet.Values.Count);
    }

    [Fact]
    public void The_size_is_that_of_the_span_message()
    {
        var request = SpanRequest.Of(Handle);
        var generator = Generators.New("span-metrics-size");
        generator.Add(request, SpanRequest.NowUnixMs);

        // The span is the last field of the last message; what stands around it are five tags and lengths, the resource and no scope.
        var sheet = SeriesSheet.Of(generator);
        var size = sheet.Sum("traces_spanmetrics_size_total");
        Assert.Single(sheet.Values);
        Assert.Equal(request[request.Length - (int)size - 1], (byte)size);
    }

    [Fact]
    public void A_span_without_a_service_has_no_service_label() =>
        Assert.Equal(
            "traces_spanmetrics_calls_total{span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"span\",status_code=\"STATUS_CODE_UNSET\"}",
            Assert.Single(SeriesSheet.Of(Generators.New("span-metrics-count").Add(new TestSpan { Id = 1, Resource = [] })).Values).Key);

    [Fact]
    public void Dimensions_come_from_resource_or_span_and_their_names_are_made_fit()
    {
        var generator = Generators.New("span-metrics-count", s => s with
        {
            SpanMetrics = new SpanMetricsSettings
            {
                IntrinsicDimensions = new IntrinsicDimensions { SpanName = false, SpanKind = false, StatusCode = false },
                Dimensions = ["http.status-code", "service", "region", "absent", "1st"],
                DimensionMappings =
                    [new DimensionMapping("where", ["region", "absent", "zone"], "/"), new DimensionMapping("status_code", ["region"], "")],
            },
        }).Add(new TestSpan
        {
            Id = 1,
            Resource = TestSpan.Service("a", ("region", "eu"), ("zone", 7L)),
            Attributes = [("http.status-code", 200L), ("service", "odd"), ("region", "not this"), ("1st", true)],
        });

        Assert.Equal(
            "traces_spanmetrics_calls_total{_1st=\"true\",__service=\"odd\",__status_code=\"eu\",http_status_code=\"200\",region=\"eu\",service=\"a\",where=\"eu/7\"}",
            Assert.Single(SeriesSheet.Of(generator).Values).Key);
    }

    [Fact]
    public void Target_info_has_the_resource_and_job_and_instance()
    {
        var generator = Generators.New("span-metrics-count", s => s with
        {
            SpanMetrics = new SpanMetricsSettings { EnableTargetInfo = true, TargetInfoExcludedDimensions = ["secret"] },
        });
        (string, object)[] resource = [("service.namespace", "team"), ("k8s.pod.name", "p1"), ("service.name", "a"),
            ("service.instance.id", "i-1"), ("secret", "x"), ("a.b", 1L)];
        generator.Add(new TestSpan { Id = 1, Resource = resource }, new TestSpan { Id = 2, Resource = [.. resource.Reverse()] },
            new TestSpan { Id = 3, Resource = [("service.name", "bare")] });

        var sheet = SeriesSheet.Of(generator);
        Assert.Equal(
            ["traces_target_info{a_b=\"1\",instance=\"i-1\",job=\"team/a\",k8s_pod_name=\"p1\"}"], sheet.Series("traces_target_info"));
        Assert.Contains(sheet.Series("traces_spanmetrics_calls_total"),
            series => series.Contains("instance=\"i-1\",job=\"team/a\",service=\"a\"", StringComparison.Ordinal));
    }

    [Fact]
    public void Target_infos_own_names_are_not_an_attributes()
    {
        var generator = Generators.New("span-metrics-count",
            s => s with
            {
                SpanMetrics = new SpanMetricsSettings { EnableTargetInfo = true },
                MaxLabelValueBytes = 3,
                MaxLabelNameBytes = 6
            });
        generator.Add(new TestSpan
        {
            Id = 1,
            Resource = TestSpan.Service("a", ("job", "j"), ("instance", "i"), ("1abc", "x"), ("", "y"),
            ("a.very.long.name", "long"), ("a.very.much", "2nd"), ("ok", "fine"))
        });
        Assert.Equal(["traces_target_info{__inst=\"i\",__job=\"j\",a_very=\"lon\",job=\"a\",ok=\"fin\"}"],
            SeriesSheet.Of(generator).Series("traces_target_info"));
    }

    [Fact]
    public void Of_attributes_of_one_label_the_last_that_is_there_counts()
    {
        var generator = Generators.New("span-metrics-count", s => s with
        {
            SpanMetrics = new SpanMetricsSettings
            {
                IntrinsicDimensions = new IntrinsicDimensions
                {
                    SpanName = false,
                    SpanKind = false,
                    StatusCode = false
                },
                Dimensions = ["deployment.environment", "deployment_environment", "service", "ser.vice"]
            },
        });
        generator.Add(
            new TestSpan { Id = 1, Attributes = [("deployment.environment", "a")] },
            new TestSpan { Id = 2, Attributes = [("deployment_environment", "b")] },
            new TestSpan { Id = 3, Attributes = [("deployment.environment", "a"), ("deployment_environment", "c")] });
        Assert.Equal(["a", "b", "c"], SeriesSheet.Of(generator).Values.Keys.Select(
            static series => series.Split("deployment_environment=\"")[1][..1]));
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("vendor=1", 1)]
    [InlineData("ot=th:0", 1)]
    [InlineData("a=b, ot=rv:1;th:8", 2)]
    [InlineData("ot=th:c", 4)]
    [InlineData("ot=th:zz", 1)]
    [InlineData("ot=th:123456789012345", 1)]
    public void The_tracestate_says_how_many_spans_one_stands_for(string state, double count)
    {
        var generator =
            Generators.New("span-metrics", s => s with { SpanMetrics = new SpanMetricsSettings { EnableTraceStateSpanMultiplier = true } });
        var sheet = SeriesSheet.Of(generator.Add(new TestSpan { Id = 1, TraceState = state }));
        Assert.Equal(count, sheet.Sum("traces_spanmetrics_calls_total"), 6);
        Assert.Equal(count, sheet.Sum("traces_spanmetrics_latency_count"), 6);
        Assert.Equal(count * 0.1, sheet.Sum("traces_spanmetrics_latency_sum"), 6);
        // Bytes are those that came.
        Assert.True(sheet.Sum("traces_spanmetrics_size_total") is var size && size == Math.Floor(size) && size < 150,
            $"{sheet.Sum("traces_spanmetrics_size_total")} bytes");
    }

    [Theory]
    [InlineData(0.25, 4)]
    [InlineData(1L, 1)]
    [InlineData("0.5", 2)]
    [InlineData(0.0, 1)]
    [InlineData(-1.0, 1)]
    [InlineData("no number", 1)]
    public void An_attribute_says_how_many_spans_one_stands_for(object ratio, double count)
    {
        var generator =
            Generators.New("span-metrics-count", s => s with { SpanMetrics = new SpanMetricsSettings { SpanMultiplierKey = "ratio" } });
        Assert.Equal(count, SeriesSheet.Of(generator.Add(new TestSpan { Id = 1, Attributes = [("ratio", ratio)] }))
            .Sum("traces_spanmetrics_calls_total"), 6);

        // What is no ratio is passed over for the resource's.
        generator.Add(new TestSpan { Id = 2, Attributes = [("ratio", ratio)], Resource = TestSpan.Service("b", ("ratio", 0.1)) });
        Assert.Equal(
            count + (ratio is 0.25 or 1L or "0.5" ? count : 10), SeriesSheet.Of(generator).Sum("traces_spanmetrics_calls_total"), 6);
    }

    [Theory]
    [InlineData(FilterMatchType.Strict, "kind", "SPAN_KIND_SERVER", "1")]
    [InlineData(FilterMatchType.Regex, "kind", "CLIENT|SERVER", "1 2")]
    [InlineData(FilterMatchType.Strict, "status", "STATUS_CODE_ERROR", "2")]
    [InlineData(FilterMatchType.Regex, "name", "^get", "1 3")]
    [InlineData(FilterMatchType.Strict, "resource.service.name", "b", "3")]
    [InlineData(FilterMatchType.Strict, "span.code", "200", "1")]
    [InlineData(FilterMatchType.Regex, "span.code", ".*", "1 2")]
    public void Include_takes_what_matches_and_exclude_the_rest(FilterMatchType type, string key, string value, string expected)
    {
        TestSpan[] spans =
        [
            new() { Id = 1, Name = "get 1", Kind = 2, Attributes = [("code", 200L)] },
            new() { Id = 2, Name = "put 2", Kind = 3, Status = 2, Attributes = [("code", "500")] },
            new() { Id = 3, Name = "get 3", Kind = 1, Resource = TestSpan.Service("b") },
        ];
        var match = new FilterMatch(type, [new FilterAttribute(key, value)]);
        string Taken(FilterPolicy policy) => string.Join(' ', SeriesSheet
            .Of(Generators.New("span-metrics-count", s => s with { SpanMetrics = new SpanMetricsSettings { FilterPolicies = [policy] } })
                .Add(spans))
            .Values.Keys.Select(series => series[series.IndexOf("span_name=", StringComparison.Ordinal) + 15]).Order());

        Assert.Equal(expected, Taken(new FilterPolicy(match, null, null)));
        Assert.Equal(expected, Taken(new FilterPolicy(null, match, null)));
        Assert.Equal(string.Join(' ', "123".Where(id => !expected.Contains(id))), Taken(new FilterPolicy(null, null, match)));
    }

    [Fact]
    public void Filtered_spans_are_counted()
    {
        var match =
            new FilterMatch(FilterMatchType.Strict, [new FilterAttribute("name", "span"), new FilterAttribute("kind", "SPAN_KIND_SERVER")]);
        var generator = Generators.New("span-metrics",
            s => s with { SpanMetrics = new SpanMetricsSettings { FilterPolicies = [new FilterPolicy(match, null, null)] } });
        generator.Add(new TestSpan { Id = 1, Kind = 2 }, new TestSpan { Id = 2, Kind = 3 }, new TestSpan { Id = 3, Name = "x", Kind = 2 });
        Assert.Equal(2, generator.Counts().SpanMetricsFiltered);
        Assert.Equal(1, SeriesSheet.Of(generator).Sum("traces_spanmetrics_calls_total"));
    }

    [Theory]
    [InlineData("nonsense", "x")]
    [InlineData("kind", "server")]
    public void A_policy_that_can_match_nothing_is_refused(string key, string value) =>
        Assert.NotNull(FilterPolicy.Check(
            [new FilterPolicy(new FilterMatch(FilterMatchType.Strict, [new FilterAttribute(key, value)]), null, null)]));

    [Theory]
    [InlineData("[[:alpha:]]+ /(?P<path>cart)$", true)]
    [InlineData("cart$", true)]
    [InlineData("^cart", false)]
    [InlineData("\\d", false)]
    public void Patterns_are_those_of_Go(string pattern, bool isTaken)
    {
        var match = new FilterMatch(FilterMatchType.Regex, [new FilterAttribute("name", pattern)]);
        var generator = Generators.New("span-metrics",
            s => s with { SpanMetrics = new SpanMetricsSettings { FilterPolicies = [new FilterPolicy(match, null, null)] } });
        generator.Add(new TestSpan { Id = 1, Name = "GET /cart" }, new TestSpan { Id = 2, Name = "GET /cart\n" },
            new TestSpan { Id = 3, Name = "GET ٣" });
        Assert.Equal(isTaken ? 1 : 0, SeriesSheet.Of(generator).Sum("traces_spanmetrics_calls_total"));
    }

    [Theory]
    [InlineData("(?!a).*")]
    [InlineData("(")]
    public void A_pattern_that_cannot_be_used_is_told(string pattern) =>
        Assert.Contains(pattern, FilterPolicy.Check(
            [new FilterPolicy(null, null, new FilterMatch(FilterMatchType.Regex, [new FilterAttribute("name", pattern)]))]),
                StringComparison.Ordinal);

    [Fact]
    public void A_policy_of_nothing_is_told() =>
        Assert.Contains("include", FilterPolicy.Check([new FilterPolicy(null, null, null)]), StringComparison.Ordinal);

    // A series has these names already: once more, and no reader takes the page, or the receiver the batch.
    [Fact]
    public void Labels_that_are_a_series_own_are_left_out()
    {
        var generator = Generators.New("span-metrics",
            s => s with
            {
                SpanMetrics = new SpanMetricsSettings { EnableTargetInfo = true, Dimensions = ["le", "__name__", "..name..", "ok"] }
            });
        generator.Add(new TestSpan
        {
            Id = 1,
            Resource = TestSpan.Service(
            "a", ("__name__", "x"), ("..name..", "y"), ("le", "z"), ("host", "h")),
            Attributes = [("le", "q"), ("ok", "w")]
        });
        var sheet = SeriesSheet.Of(generator);
        Assert.Equal(["traces_target_info{host=\"h\",job=\"a\"}"], sheet.Series("traces_target_info"));
        Assert.Single(sheet.Series("traces_spanmetrics_latency_count"),
            static series => series.Contains("ok=\"w\"", StringComparison.Ordinal) && !series.Contains("le=", StringComparison.Ordinal));
        Assert.All(sheet.Values.Keys, static series => Assert.DoesNotContain("__name__", series, StringComparison.Ordinal));
    }

    [Fact]
    public void A_span_that_is_not_text_is_dropped_and_counted()
    {
        var generator = Generators.New("span-metrics", s => s with { SpanMetrics = new SpanMetricsSettings { Dimensions = ["d"] } });
        generator.Add(
            new TestSpan { Id = 1, Attributes = [("d", new byte[] { 0xC3, 0x28 })] },
            new TestSpan { Id = 2, Attributes = [("d", "quote \" backslash \\ newline \n")] });
        Assert.Equal(1, generator.Counts().SpanMetricsNotText);
        Assert.Equal(1, SeriesSheet.Of(generator).Sum("traces_spanmetrics_calls_total"));
    }

    [Fact]
    public void Negative_durations_count_as_zero()
    {
        var sheet = SeriesSheet.Of(Generators.New("span-metrics").Add(new TestSpan { Id = 1, Seconds = -5 }));
        Assert.Equal(0, sheet.Sum("traces_spanmetrics_latency_sum"));
        Assert.Equal(1, sheet.Sum("traces_spanmetrics_latency_count"));
    }

    [Fact]
    public void Spans_far_from_now_and_spans_sent_again_are_not_counted()
    {
        var generator = Generators.New("span-metrics");
        TestSpan[] spans = [new() { Id = 1, AgeSeconds = 29 }, new() { Id = 2, AgeSeconds = 31 }, new() { Id = 3, AgeSeconds = -31 },
            new() { Id = 4, Kind = 2 }, new() { Id = 4, Kind = 3 }];
        generator.Add(spans).Add(spans);

        var counts = generator.Counts();
        Assert.Equal(10, counts.SpansReceived);
        Assert.Equal(4, counts.OutsideSlack);
        Assert.Equal(3, counts.Duplicates);
        Assert.Equal(3, SeriesSheet.Of(generator).Sum("traces_spanmetrics_calls_total"));
    }

    [Fact]
    public void Host_info_names_the_first_identifier()
    {
        var generator = Generators.New("host-info").Add(
            new TestSpan { Id = 1, Resource = TestSpan.Service("a", ("host.id", "h1")) },
            new TestSpan { Id = 2, Resource = TestSpan.Service("a", ("host.id", "h2"), ("k8s.node.name", "n")) },
            new TestSpan { Id = 3 });
        Assert.Equal(
            ["traces_host_info{grafana_host_id=\"h1\",host_source=\"host.id\"}",
                "traces_host_info{grafana_host_id=\"n\",host_source=\"k8s.node.name\"}"],
            SeriesSheet.Of(generator).Values.Keys);
    }
}
