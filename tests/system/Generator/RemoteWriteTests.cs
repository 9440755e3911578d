using OpenTelemetry.Exporter;
using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Prometheus;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Generator;

/// <summary>Real spans, the real binary, a real Prometheus; what PromQL says.</summary>
public sealed class RemoteWriteTests : IAsyncLifetime
{
    private const string Total = "traces_service_graph_request_total", Failed = "traces_service_graph_request_failed_total";
    private readonly PrometheusProcess _prometheus = new();
    private readonly string _data = Directory.CreateTempSubdirectory("tempo-generator-").FullName;
    private TempoProcess _tempo = null!;

    public async ValueTask InitializeAsync()
    {
        await _prometheus.StartAsync();
        _tempo = await TempoProcess.StartAsync(GeneratorSettings.Of(_data, _prometheus.RemoteWriteUrl));
    }

    [Fact]
    public async Task The_golden_trace_gives_the_golden_series()
    {
        var trace = GoldenTrace.Make();
        using var otlp = new OtlpHttpClient(_tempo.OtlpHttpUrl);

        // The second time is a retry: it counts once.
        for (var i = 0; i < 2; i++) Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(trace))).Status);

        await _prometheus.HasAsync($"{Total}{{client='frontend',server='backend',connection_type=''}}", 1);
        await _prometheus.HasAsync($"{Total}{{client='backend',server='orders',connection_type='database'}}", 1);
        await _prometheus.HasAsync($"{Total}{{client='user',server='frontend',connection_type='virtual_node'}}", 1);
        await _prometheus.HasAsync($"count({Total})", 3);
        await _prometheus.HasAsync($"{Failed}{{client='frontend',server='backend'}}", 1);
        await _prometheus.HasAsync($"count({Failed})", 1);
        await _prometheus.HasAsync("traces_service_graph_request_client_seconds_sum{client='frontend'}", 0.3);
        await _prometheus.HasAsync("traces_service_graph_request_server_seconds_sum{client='frontend'}", 0.2);
        await _prometheus.HasAsync("traces_service_graph_request_server_seconds_sum{client='user'}", 0.557);
        await _prometheus.HasAsync(
            "traces_spanmetrics_calls_total{service='backend',span_kind='SPAN_KIND_SERVER',span_name='handle',status_code='STATUS_CODE_ERROR',cluster='test'}", 1);
        await _prometheus.HasAsync("sum(traces_spanmetrics_latency_count)", 4);
        await _prometheus.HasAsync("traces_host_info{grafana_host_id='h1',host_source='host.id'}", 1);

        // The zero at the start of each series lets a rate see the first request.
        await _prometheus.HasAsync($"count(rate({Total}[10m]) > 0)", 3);
        Assert.InRange(await _prometheus.ValueAsync(
            "histogram_quantile(0.5, sum(rate(traces_spanmetrics_latency_bucket{service='backend',span_name='handle'}[10m])) by (le))"),
                0.128, 0.256);
        Assert.InRange(await _prometheus.ValueAsync(
            "histogram_quantile(0.5, sum(rate(traces_spanmetrics_latency{service='backend',span_name='handle'}[10m])))"), 0.18, 0.22);

        var id = trace[0].TraceId;
        await Eventually.HoldsAsync(
            "exemplars", async () => (await _prometheus.ExemplarTracesAsync("traces_spanmetrics_latency_bucket")).Contains(id));
        Assert.Contains(id, await _prometheus.ExemplarTracesAsync("traces_service_graph_request_server_seconds_bucket"));
        Assert.Equal(
            4, (await _tempo.Api.MetricsAsync()).Sum("tempo_metrics_generator_spans_discarded_total", "reason=\"duplicate_span\""));
    }

    // What each must return of three golden traces, line by line: label values → least and greatest value. Three in ten minutes are
    // 0.005 a second; Prometheus goes on from the last sample to now, so that it is somewhat more.
    private static readonly (string Labels, double Least, double Greatest)[][] ReadmeAnswers =
    [
        [("backend>orders", 0.005, 0.008), ("frontend>backend", 0.005, 0.008), ("user>frontend", 0.005, 0.008)],
        [("frontend>backend", 0.005, 0.008)],
        [("backend>orders", 0.1, 0.1), ("frontend>backend", 0.2, 0.2), ("user>frontend", 0.557, 0.557)],
        // Within the bucket that holds all of an edge: nine tenths of the way from its lower bound to its upper one.
        [("backend>orders", 0.09, 0.09), ("frontend>backend", 0.19, 0.19), ("user>frontend", 0.76, 0.76)],
        [("GET /", 0.005, 0.008), ("handle", 0.005, 0.008)],
        [("handle", 0.005, 0.008)],
        [("GET /", 0.9728, 0.9728), ("handle", 0.2432, 0.2432)],
        // The native bucket of 0.557 is (2^(-7/8), 2^(-6/8)].
        [("", 0.5452, 0.5947)],
    ];

    [Fact]
    public async Task The_queries_of_the_README_return_what_was_sent()
    {
        using var otlp = new OtlpHttpClient(_tempo.OtlpHttpUrl);
        for (var i = 0; i < 3; i++) Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(GoldenTrace.Make()))).Status);
        await _prometheus.HasAsync($"sum({Total})", 9);
        await _prometheus.HasAsync($"sum({Failed})", 3);

        // Some collections on, the last sample is no large part of the time that was sampled.
        await Eventually.HoldsAsync("samples", async () => await _prometheus.ValueAsync($"min(count_over_time({Total}[10m]))") >= 8);
        var queries = ReadmeQueries();
        Assert.Equal(ReadmeAnswers.Length, queries.Length);
        for (var i = 0; i < queries.Length; i++)
        {
            var answer = await _prometheus.QueryAsync(
                queries[i].Replace("$__range", "10m", StringComparison.Ordinal)
                    .Replace("$__rate_interval", "10m", StringComparison.Ordinal));
            var values = answer.Where(static series => series.Value != 0 && !double.IsNaN(series.Value))
                .ToDictionary(LabelsOf, static series => series.Value);
            Assert.True(ReadmeAnswers[i].Select(static e => e.Labels).Order(StringComparer.Ordinal)
                .SequenceEqual(values.Keys.Order(StringComparer.Ordinal)), $"{queries[i]}: {string.Join(", ", values)}");
            foreach (var (labels, least, greatest) in ReadmeAnswers[i])
                Assert.True(values[labels] >= least - 1e-9 && values[labels] <= greatest + 1e-9,
                    $"{queries[i]}: {labels} is {values[labels]}, not {least} to {greatest}");
        }

        static string LabelsOf(PrometheusSeries series) =>
            series["client"].Length > 0 ? $"{series["client"]}>{series["server"]}" : series["span_name"];
    }

    [Fact]
    public async Task Spans_of_the_SDK_for_JavaScript_are_counted_exactly()
    {
        var sent = await NodeProgram.SendAsync("proto", _tempo, "stream.json");
        Assert.All(sent.Batches, static batch => Assert.True(batch.Delivered, batch.Error));
        var spans = sent.Spans.ToList();
        Assert.NotEmpty(spans);
        await _prometheus.HasAsync("sum(traces_spanmetrics_calls_total)", spans.Count);
        foreach (var operation in spans.GroupBy(static s => s.Name))
            await _prometheus.HasAsync($"sum(traces_spanmetrics_calls_total{{span_name='{operation.Key}'}})", operation.Count());
        var seconds = spans.Sum(static s => (s.EndUnixNano - s.StartUnixNano) / 1e9);
        Assert.Equal(seconds, await _prometheus.ValueAsync("sum(traces_spanmetrics_latency_sum)"), 6);
    }

    [Fact]
    public async Task Two_targets_at_one_URL_each_have_their_series_also_after_the_receiver_was_away()
    {
        // The same receiver twice, the second time under another label.
        var settings = GeneratorSettings.Of(Path.Combine(_data, "two"), _prometheus.RemoteWriteUrl,
            target: $"send_exemplars: true}}, {{url: '{_prometheus.RemoteWriteUrl}', write_relabel_configs: [{{target_label: copy, replacement: b}}]");
        await using var tempo = await TempoProcess.StartAsync(settings);
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        await SendAsync(otlp, 5);
        foreach (var copy in new[] { "", "b" })
            await _prometheus.HasAsync($"sum(traces_spanmetrics_calls_total{{span_name='counted',copy='{copy}'}})", 5);
        await _prometheus.KillAsync();
        for (var i = 0; i < 2; i++)
        {
            await SendAsync(otlp, 5);
            var before = (await tempo.Api.MetricsAsync()).Sum("tempo_metrics_generator_registry_collections_total");
            await Eventually.HoldsAsync("two more collections",
                async () => (await tempo.Api.MetricsAsync()).Sum("tempo_metrics_generator_registry_collections_total") > before + 1);
        }

        await _prometheus.StartAsync();
        foreach (var copy in new[] { "", "b" })
        {
            await _prometheus.HasAsync($"sum(traces_spanmetrics_calls_total{{span_name='counted',copy='{copy}'}})", 15);
            var samples = await _prometheus.SamplesAsync($"traces_spanmetrics_calls_total{{span_name='counted',copy='{copy}'}}[10m]");
            Assert.Equal([0, 5, 10, 15], samples.Select(static s => s.Value).Where((value, i) => i == 0 || samples[i - 1].Value != value));
        }

        Assert.Equal(0, (await _prometheus.MetricsAsync()).Sum("prometheus_tsdb_out_of_order_samples_total"));
    }

    [Fact]
    public async Task Spans_of_an_SDK_are_counted_exactly()
    {
        using var sender = new DotnetSender(OtlpExportProtocol.Grpc, _tempo.OtlpGrpcUrl);
        for (var i = 0; i < 25; i++) sender.MakeTrace();
        Assert.True(await sender.DeliverAsync());
        await _prometheus.HasAsync("sum(traces_spanmetrics_calls_total{service='dotnet'})", 50);
        await _prometheus.HasAsync(
            "sum(traces_spanmetrics_calls_total{service='dotnet',span_name='SELECT',span_kind='SPAN_KIND_CLIENT',status_code='STATUS_CODE_ERROR'})", 25);
        await _prometheus.HasAsync($"{Total}{{client='user',server='dotnet',connection_type='virtual_node'}}", 25);
        var seconds = sender.Made.Where(static s => s.Name == "SELECT").Sum(static s => (s.EndUnixNano - s.StartUnixNano) / 1e9);
        Assert.Equal(seconds, await _prometheus.ValueAsync("traces_spanmetrics_latency_sum{span_name='SELECT'}"), 6);
    }

    [Fact]
    public async Task A_receiver_and_a_server_that_die_lose_nothing_and_nothing_comes_out_of_order()
    {
        using var otlp = new OtlpHttpClient(_tempo.OtlpHttpUrl);
        await SendAsync(otlp, 5);
        await _prometheus.HasAsync("sum(traces_spanmetrics_calls_total{span_name='counted'})", 5);
        await _prometheus.KillAsync();

        // Collections while nobody receives, each with another value.
        for (var i = 0; i < 3; i++)
        {
            await SendAsync(otlp, 5);
            var before = (await _tempo.Api.MetricsAsync()).Sum("tempo_metrics_generator_registry_collections_total");
            await Eventually.HoldsAsync("two more collections",
                async () => (await _tempo.Api.MetricsAsync()).Sum("tempo_metrics_generator_registry_collections_total") > before + 1);
        }

        var waiting = (await _tempo.Api.MetricsAsync()).Sum("prometheus_remote_storage_samples_pending");
        Assert.True(waiting > 0);
        await _tempo.KillAsync();
        await _tempo.StartAsync();
        await SendAsync(otlp, 7);
        await _prometheus.StartAsync();

        await _prometheus.HasAsync("sum(traces_spanmetrics_calls_total{span_name='counted'})", 7);
        var samples = await _prometheus.SamplesAsync("traces_spanmetrics_calls_total{span_name='counted'}[10m]");
        Assert.Equal(samples.Select(static s => s.UnixSeconds).Order(), samples.Select(static s => s.UnixSeconds));
        Assert.Equal(
            [0, 5, 10, 15, 20, 0, 7], samples.Select(static s => s.Value).Where((value, i) => i == 0 || samples[i - 1].Value != value));
        Assert.Equal(27, await _prometheus.ValueAsync(
            "sum(traces_spanmetrics_calls_total{span_name='counted'}) + sum(max_over_time(traces_spanmetrics_calls_total{span_name='counted'}[10m]))"));
        Assert.Equal(0, (await _prometheus.MetricsAsync()).Sum("prometheus_tsdb_out_of_order_samples_total"));
        Assert.Equal(0, (await _tempo.Api.MetricsAsync()).Sum("prometheus_remote_storage_samples_failed_total"));
    }

    [Fact]
    public async Task A_series_that_ends_is_marked_stale_when_its_processor_is_turned_off()
    {
        var overrides = Path.Combine(_data, "overrides.yaml");
        await File.WriteAllTextAsync(overrides, "overrides: {}\n");
        var settings = GeneratorSettings.Of(Path.Combine(_data, "second"), _prometheus.RemoteWriteUrl);
        settings = settings with
        {
            Overrides = settings.Overrides[..^1] + $", per_tenant_override_config: '{overrides}', per_tenant_override_period: 100ms}}"
        };
        await using var tempo = await TempoProcess.StartAsync(settings);
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        await SendAsync(otlp, 5);
        await _prometheus.HasAsync("count(traces_spanmetrics_calls_total{span_name='counted'})", 1);
        await File.WriteAllTextAsync(
            overrides, "overrides: {single-tenant: {ingestion: {rate_limit_bytes: 1000000, burst_size_bytes: 1000000}}}\n");
        await Eventually.HoldsAsync("the series is gone",
            async () => (await _prometheus.QueryAsync("traces_spanmetrics_calls_total{span_name='counted'}")).Count == 0);
    }

    public async ValueTask DisposeAsync()
    {
        await _tempo.DisposeAsync();
        await _prometheus.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    private static async Task SendAsync(OtlpHttpClient otlp, int spans) =>
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(spans, "counted")))).Status);

    // The lines of the README's block of PromQL.
    private static string[] ReadmeQueries()
    {
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        var start = readme.IndexOf("```promql\n", StringComparison.Ordinal) + "```promql\n".Length;
        return [.. readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)].Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(static line => line[0] != '#')];
    }
}
