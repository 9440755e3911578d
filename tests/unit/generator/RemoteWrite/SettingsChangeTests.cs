using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Generator.RemoteWrite;
using Tempo.Engine.Generator.ServiceGraphs;
using Tempo.Engine.Generator.SpanMetrics;
using Tempo.Engine.Generator.Spans;
using Tempo.Generator.Tests.Testing;
using Tempo.Testing;

namespace Tempo.Generator.Tests.RemoteWrite;

/// <summary>A tenant's settings change while its spans come in; what a receiver then has.</summary>
public sealed class SettingsChangeTests : IAsyncDisposable
{
    private const string Calls = "traces_spanmetrics_calls_total{", Edges = "traces_service_graph_request_total{";
    private readonly Receiver _receiver = new();
    private readonly SteppedTime _time = new(SpanRequest.NowUnixMs);
    private readonly MetricRegistry _metrics = new();
    private readonly MetricsGenerator _generator;
    private volatile GeneratorSettings _settings =
        new() { Processors = new ProcessorSet(SpanMetricsParts.Count, default, false), IngestionSlack = TimeSpan.FromHours(10) };
    private long _id;

    public SettingsChangeTests() => _generator = MetricsGenerator.Start(
        new GeneratorOptions
        {
            RemoteWrite = [new RemoteWriteTarget { Url = _receiver.Url, RemoteTimeout = TimeSpan.FromHours(1) }],
            RemoteWriteFlushDeadline = TimeSpan.FromHours(1)
        },
        _ => _settings, new SimDisk(), _metrics, Log.Null, _time, static () => 0.5);

    [Fact]
    public async Task Every_span_is_in_the_series_of_one_of_the_settings()
    {
        Add(1);
        // Each life of the series has a label of its own; what was last sent of it is what it counted.
        var isOver = false;
        var senders = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            for (; !Volatile.Read(ref isOver); Thread.Sleep(1)) Add(20);
        })).ToArray();
        for (var life = 0; life < 10; life++)
        {
            _settings = _settings with { ExternalLabels = [new("life", $"{life}")] };
            await CollectAsync();
            for (var before = Interlocked.Read(ref _id); Interlocked.Read(ref _id) < before + 100;) await Task.Delay(1);
        }

        Volatile.Write(ref isOver, true);
        await Task.WhenAll(senders);
        await CollectAsync();
        await _generator.DisposeAsync();
        var last = new Dictionary<string, double>();
        foreach (var series in _receiver.Series.Where(static s => s.Labels.StartsWith(Calls, StringComparison.Ordinal)))
            foreach (var (value, _) in series.Samples.Where(static s => !double.IsNaN(s.Value)))
                last[series.Labels] = value;
        Assert.Equal(10, last.Count(static s => s.Key.Contains("life=", StringComparison.Ordinal)));
        Assert.Equal(_id, last.Values.Sum());
    }

    [Fact]
    public async Task A_limit_an_interval_and_headers_change_and_the_series_go_on()
    {
        Add(3);
        await CollectAsync();
        _settings = _settings with
        {
            MaxActiveSeries = 1,
            CollectionInterval = TimeSpan.FromMinutes(1),
            RemoteWriteHeaders = [new("X-Who", "me")],
            IngestionSlack = TimeSpan.FromHours(9),
            TraceIdLabelName = "id"
        };
        Add(2);
        await CollectAsync();
        Add(4, "another");
        await CollectAsync();
        await _receiver.HasAsync(3);
        Assert.Equal([0, 3, 5, 5], ValuesOf("span_name=\"span\""));
        Assert.Equal([0, 4], ValuesOf("metric_overflow"));
        Assert.Contains("X-Who: me", _receiver.Requests.Last().Head, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Settings_that_cannot_be_used_leave_those_before_them_until_they_are_mended()
    {
        Add(1);
        await CollectAsync();
        var good = _settings;
        var bad = new FilterPolicy(new FilterMatch(FilterMatchType.Regex, [new FilterAttribute("name", "(")]), null, null);
        foreach (var broken in new[] { good with { SpanMetrics = new SpanMetricsSettings { FilterPolicies = [bad] } },
            new GeneratorSettings { Error = "processor \"nope\" is not known" } })
        {
            _settings = broken;
            Add(1);
            await CollectAsync();
            Add(1);
            await CollectAsync();
            Assert.Contains(broken.Error.Length > 0 ? "nope" : "missing closing )", _generator.LastError, StringComparison.Ordinal);
        }

        Assert.Equal(2, Metric("tempo_metrics_generator_active_processors_update_failed_total"));
        Assert.Equal(1, Metric("tempo_metrics_generator_active_processors{processor=\"span-metrics\""));
        await _receiver.HasAsync(5);
        Assert.Equal([0, 1, 2, 3, 4, 5], ValuesOf("span_name=\"span\""));

        _settings = good with { MaxActiveSeries = 100 };
        Add(1);
        await CollectAsync();
        await _receiver.HasAsync(6);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], ValuesOf("span_name=\"span\""));
        Assert.Equal("", _generator.LastError);
    }

    [Fact]
    public async Task A_tenant_that_begins_with_settings_that_cannot_be_used_is_stored_and_not_counted()
    {
        var good = _settings;
        _settings = new GeneratorSettings { Error = "nope" };
        Add(1);
        await CollectAsync();
        Assert.Contains("nope", _generator.LastError, StringComparison.Ordinal);
        Assert.Equal(1, Metric("tempo_metrics_generator_active_processors_update_failed_total"));
        _settings = good;
        await CollectAsync();
        Add(2);
        await CollectAsync();
        await _receiver.HasAsync(1);
        Assert.Equal([0, 2], ValuesOf("span_name=\"span\""));
    }

    [Fact]
    public async Task A_span_sent_again_after_a_change_counts_once()
    {
        var request = SpanRequest.Of(new TestSpan { Id = 77 });
        _generator.Add(TenantId.Single, request);
        _settings = _settings with { SpanMetrics = new SpanMetricsSettings { Dimensions = ["d"] } };
        await CollectAsync();
        _generator.Add(TenantId.Single, request);
        await CollectAsync();
        await _generator.DisposeAsync();
        Assert.Equal([0, 1, double.NaN], ValuesOf("span_name=\"span\""));
        Assert.Equal(1, Metric("tempo_metrics_generator_spans_discarded_total{reason=\"duplicate_span\""));
    }

    [Fact]
    public async Task A_change_of_one_processor_ends_its_series_and_leaves_the_others_and_edges_half_seen()
    {
        _settings = _settings with { Processors = new ProcessorSet(SpanMetricsParts.Count, ServiceGraphParts.Request, HostInfo: true) };
        AddSides(client: 1, server: 1);
        AddSides(client: 2);
        await CollectAsync();
        _settings = _settings with { SpanMetrics = new SpanMetricsSettings { Dimensions = ["d"] } };
        await CollectAsync();
        AddSides(server: 2);
        await CollectAsync();
        Assert.Equal(2, Metric("tempo_metrics_generator_processor_service_graphs_edges"));
        Assert.Equal(1, Metric("tempo_metrics_generator_active_processors{processor=\"service-graphs\""));

        // What is counted beside series grows on, too, where its own processor begins anew.
        _settings = _settings with { ServiceGraphs = new ServiceGraphSettings { Dimensions = ["d"] } };
        await CollectAsync();
        AddSides(client: 3, server: 3);
        await CollectAsync();
        Assert.Equal(3, Metric("tempo_metrics_generator_processor_service_graphs_edges"));

        await _generator.DisposeAsync();
        Assert.Equal([0, 1, 1, 2, 2, double.NaN, 0, 1, 1], ValuesOf("client=\"web\"", Edges));
        Assert.Equal([1, 1, 1, 1, 1, 1], ValuesOf("grafana_host_id=\"h\"", "traces_host_info{"));
        Assert.Equal([0, 1, 1, double.NaN, 0, 1, 1, 2, 2], ValuesOf("span_kind=\"SPAN_KIND_SERVER\""));
    }

    [Fact]
    public void Where_one_begins_anew_it_has_the_room_of_its_old_series()
    {
        var settings = new GeneratorSettings { Processors = new ProcessorSet(SpanMetricsParts.Count, default, false), MaxActiveSeries = 1 };
        var generator = new TenantGenerator(TenantId.Single, settings, 1 << 20);
        generator.Add(new TestSpan { Id = 1 });
        var ended = generator.Change(settings with { SpanMetrics = new SpanMetricsSettings { Dimensions = ["d"] } });
        generator.Add(new TestSpan { Id = 2 });
        Assert.DoesNotContain("metric_overflow", Assert.Single(SeriesSheet.Of(generator).Values).Key, StringComparison.Ordinal);

        var last = new SeriesSheet();
        generator.Collect(ended, SpanRequest.NowUnixMs, endAll: false, last, static () => { });
        Assert.Single(last.Values);
        generator.Collect(ended, SpanRequest.NowUnixMs, endAll: true, new SeriesSheet(), static () => { });
        Assert.Equal((1, 1, 1), (generator.Counts().ActiveSeries, generator.Counts().SeriesRemoved, generator.Counts().Entities));
    }

    public async ValueTask DisposeAsync()
    {
        await _generator.DisposeAsync();
        _receiver.Dispose();
    }

    private void Add(int spans, string name = "span") =>
        _generator.Add(TenantId.Single, SpanRequest.Of(
            Enumerable.Range(0, spans).Select(_ => new TestSpan { Id = (ulong)Interlocked.Increment(ref _id), Name = name })));

    private void AddSides(ulong client = 0, ulong server = 0)
    {
        if (client != 0)
            _generator.Add(TenantId.Single, SpanRequest.Of(
                new TestSpan { Trace = client, Id = 1, Kind = 3, Resource = TestSpan.Service("web", ("host.id", "h")) }));
        if (server != 0)
            _generator.Add(TenantId.Single, SpanRequest.Of(
                new TestSpan { Trace = server, Id = 2, Parent = 1, Kind = 2, Resource = TestSpan.Service("shop", ("host.id", "h")) }));
    }

    private async Task CollectAsync()
    {
        await _generator.CollectAsync(CancellationToken.None);
        _time.Advance(TimeSpan.FromMilliseconds(100));
    }

    private List<double> ValuesOf(string label, string metric = Calls) =>
    [
        .. _receiver.Series.Where(
            s => s.Labels.StartsWith(metric, StringComparison.Ordinal) && s.Labels.Contains(label, StringComparison.Ordinal))
                .SelectMany(static s => s.Samples).Select(static s => s.Value),
    ];

    private double Metric(string start)
    {
        var page = new System.Buffers.ArrayBufferWriter<byte>();
        _metrics.WriteTo(page);
        return System.Text.Encoding.UTF8.GetString(page.WrittenSpan).Split('\n')
            .Where(line => line.StartsWith(start, StringComparison.Ordinal))
            .Sum(static line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }
}
