using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Generator.RemoteWrite;
using Tempo.Generator.Tests.Testing;
using Tempo.Testing;

namespace Tempo.Generator.Tests.RemoteWrite;

/// <summary>From spans to a receiver on a socket, which answers as bad receivers do.</summary>
public sealed class RemoteWriteTests : IAsyncDisposable
{
    private readonly Receiver _receiver = new();
    private readonly SteppedTime _time = new(SpanRequest.NowUnixMs);
    private readonly MetricRegistry _metrics = new();
    private SimDisk _disk = new();
    private MetricsGenerator? _generator;
    private ulong _id;

    [Fact]
    public async Task A_new_series_begins_with_a_zero_and_is_sent_each_time_in_order()
    {
        Start();
        Add(4);
        await _generator!.CollectAsync(CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(15));
        await _generator.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(2);

        var calls =
            _receiver.Series.Where(static s => s.Labels.StartsWith("traces_spanmetrics_calls_total{", StringComparison.Ordinal)).ToList();
        const string labels = "traces_spanmetrics_calls_total{__metrics_gen_instance=\"vm\",cluster=\"c\",service=\"shop\",span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"span\",status_code=\"STATUS_CODE_UNSET\"}";
        Assert.All(calls, call => Assert.Equal(labels, call.Labels));
        Assert.Equal([(0, 1_795_221_839_000), (4, 1_795_221_873_381)], calls[0].Samples);
        Assert.Equal([(4, 1_795_221_888_381)], calls[1].Samples);

        var (head, _) = _receiver.Requests.First();
        Assert.Contains("Content-Encoding: snappy", head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Content-Type: application/x-protobuf\r\n", head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X-Prometheus-Remote-Write-Version: 0.1.0", head, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("X-Scope-OrgID", head, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Exemplars_go_with_their_bucket_once()
    {
        Start(target => target with { SendExemplars = true });
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(15));
        await _generator.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(2);
        var series = Assert.Single(_receiver.Series, static s => s.Exemplars.Count > 0);
        Assert.Contains("le=\"0.128\"", series.Labels, StringComparison.Ordinal);
        Assert.Equal([("traceID=a1", 0.1, SpanRequest.NowUnixMs)], series.Exemplars);
    }

    [Fact]
    public async Task Without_being_asked_for_exemplars_and_native_histograms_stay_here()
    {
        Start(settings: s => s with { HistogramForm = Tempo.Engine.Generator.Registry.HistogramForm.Both });
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(1);
        Assert.All(_receiver.Series, static s => Assert.True(s.Exemplars.Count == 0 && s.Histograms == 0));
    }

    [Theory]
    [InlineData("HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad")]
    [InlineData("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 503 Full\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n…")]
    [InlineData("this is no HTTP\r\n\r\n")]
    [InlineData("HTTP/1.1 …")]
    [InlineData("")]
    public async Task Line31_what_may_go_well_later_is_sent_again_and_in_order(string answer)
    {
        for (var i = 0; i < 3; i++) _receiver.Answers.Enqueue(answer);
        // Only who never answers is to be given up: the clock runs ahead of a slow machine.
        Start(target => answer.Length == 0 ? target with { RemoteTimeout = TimeSpan.FromMinutes(1) } : target);
        for (var i = 0; i < 3; i++)
        {
            Add(1);
            await _generator!.CollectAsync(CancellationToken.None);
            _time.Advance(TimeSpan.FromSeconds(15));
        }

        await PassTimeUntilAsync(() => Accepted() is [.., { Samples: [.., (3, _)] }]);
        Assert.Equal([1, 2, 3], Changes(Accepted().Select(static s => s.Samples[^1].Value)));

        // A batch may come twice, one after the other, where an answer was too late.
        var times = Accepted().SelectMany(static s => s.Samples).Select(static s => s.UnixMs).Distinct().ToList();
        Assert.Equal(times.Order(), times);
        Assert.True(Metric("prometheus_remote_storage_samples_retried_total") > 0);
        Assert.Equal(0, Metric("prometheus_remote_storage_samples_failed_total"));

        List<WrittenSeries> Accepted() =>
            [.. _receiver.Requests.Skip(3).SelectMany(static r => WriteRequestReader.ReadBlock(r.Body))
                .Where(static s => s.Labels.StartsWith("traces_spanmetrics_calls", StringComparison.Ordinal))];
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad\r\nContent-Length: 12\r\n\r\nout of order")]
    [InlineData("HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n…")]
    [InlineData("HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")]
    public async Task Line31_and_32_what_is_refused_for_good_is_dropped_and_of_an_endless_answer_little_is_read(string answer)
    {
        _receiver.Answers.Enqueue(answer);
        Start();
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(1);
        await PassTimeUntilAsync(() => Metric("prometheus_remote_storage_samples_failed_total") > 0);
        _time.Advance(TimeSpan.FromSeconds(15));
        await _generator.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(2);
        Assert.Single(WriteRequestReader.ReadBlock(_receiver.Requests.Last().Body)[0].Samples);
    }

    [Fact]
    public async Task A_429_is_sent_again_unless_the_configuration_says_otherwise()
    {
        _receiver.Answers.Enqueue("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n");
        Start(target => target with { RetriesOn429 = false });
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await PassTimeUntilAsync(() => Metric("prometheus_remote_storage_samples_failed_total") > 0);
        Assert.Equal(0, Metric("prometheus_remote_storage_samples_retried_total"));
    }

    [Fact]
    public async Task Samples_that_have_waited_too_long_are_dropped_and_counted()
    {
        for (var i = 0; i < 100_000; i++) _receiver.Answers.Enqueue(Receiver.Answer(503));
        Start(target => target with { SampleAgeLimit = TimeSpan.FromMinutes(5) });
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(1);
        await PassTimeUntilAsync(() => Metric("prometheus_remote_storage_samples_dropped_total") > 0, TimeSpan.FromSeconds(5));
        Assert.True(_time.GetUtcNow().ToUnixTimeMilliseconds() - SpanRequest.NowUnixMs > 5 * 60_000);
        Assert.Equal(0, Metric("prometheus_remote_storage_samples_failed_total"));
    }

    [Fact]
    public async Task A_target_may_lie_behind_a_proxy()
    {
        Start(target => target with
        {
            Url = new Uri("http://nowhere.invalid/api/v1/write"),
            Proxy = new Uri(_receiver.Url.GetLeftPart(UriPartial.Authority))
        });
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(1);
        Assert.StartsWith("POST http://nowhere.invalid/api/v1/write HTTP/1.1", _receiver.Requests.First().Head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Line31_the_receiver_says_how_long_to_wait()
    {
        _receiver.Answers.Enqueue("HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n");
        Start();
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await PassTimeUntilAsync(
            () => _time.Waits.Any(static wait => wait > TimeSpan.FromSeconds(100) && wait < TimeSpan.FromSeconds(125)), TimeSpan.Zero);
        Assert.Single(_receiver.Requests);
        _time.Advance(TimeSpan.FromSeconds(121));
        await _receiver.HasAsync(2);
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_a_receiver_that_asked_for_a_pause()
    {
        _receiver.Answers.Enqueue("HTTP/1.1 503 Busy\r\nRetry-After: 250\r\nContent-Length: 0\r\n\r\n");
        Start(options: static o => o with { RemoteWriteFlushDeadline = TimeSpan.FromDays(1) });
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await PassTimeUntilAsync(
            () => _time.Waits.Any(static wait => wait > TimeSpan.FromSeconds(200) && wait < TimeSpan.FromSeconds(300)), TimeSpan.Zero);

        // No time passes on the clock that the pause is counted by.
        await _generator.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(1));
        _generator = null;
        Assert.Single(_receiver.Requests);
    }

    [Fact]
    public async Task An_hour_without_a_receiver_and_a_crash_lose_nothing()
    {
        for (var i = 0; i < 100_000; i++) _receiver.Answers.Enqueue(Receiver.Answer(503));
        Start();
        for (var i = 0; i < 120; i++)
        {
            Add(1);
            await _generator!.CollectAsync(CancellationToken.None);
            _time.Advance(TimeSpan.FromSeconds(15));
        }

        // The process dies; its successor counts from zero again, later than anything sent before.
        await CrashAsync();
        Start();
        for (var i = 0; i < 120; i++)
        {
            Add(1);
            await _generator!.CollectAsync(CancellationToken.None);
            _time.Advance(TimeSpan.FromSeconds(15));
        }

        _receiver.Answers.Clear();
        var before = _receiver.Requests.Count;
        await PassTimeUntilAsync(
            () => Taken(before).SelectMany(static s => s.Samples).Count(static s => s.Value == 0) >= 2
                && Taken(before)[^1].Samples[^1].Value == 120);
        var samples = Taken(before).SelectMany(static s => s.Samples).ToList();
        Assert.Equal(samples.Select(static s => s.UnixMs).Order(), samples.Select(static s => s.UnixMs));
        // The first of them may be one that was refused while the answers changed.
        double[] twice = [0, .. Enumerable.Range(1, 120), 0, .. Enumerable.Range(1, 120)];
        Assert.Equal(twice, Changes(samples.Skip(samples[2].Value == 0 ? 2 : 0).Select(static s => s.Value)));

        List<WrittenSeries> Taken(int skip) =>
            [.. _receiver.Requests.Skip(skip).SelectMany(static r => WriteRequestReader.ReadBlock(r.Body))
                .Where(static s => s.Labels.StartsWith("traces_spanmetrics_calls", StringComparison.Ordinal))];
    }

    [Fact]
    public async Task Every_target_gets_its_headers_labels_and_secrets()
    {
        Start(
            target => target with
            {
                Headers = [new("X-Custom", "yes")],
                Authorization = static () => "Bearer secret",
                WriteRelabelRules =
                [
                    new RelabelRule(
                        RelabelAction.Keep, ["__name__"], pattern: "traces_spanmetrics_calls_total|traces_spanmetrics_size_total"),
                    new RelabelRule(RelabelAction.Drop, ["__name__", "service"], pattern: ".*size.*;shop"),
                    new RelabelRule(RelabelAction.Replace, ["service"], pattern: "(.)(.*)", targetLabel: "svc", replacement: "$2-$1"),
                    new RelabelRule(RelabelAction.LabelMap, [], pattern: "span_(.+)", replacement: "s_$1"),
                    new RelabelRule(RelabelAction.LabelDrop, [], pattern: "span_.*|status_code|__metrics.*|cluster"),
                ],
            },
            options: o => o with { IsMultitenant = true });
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(1);
        var (head, body) = _receiver.Requests.Single();
        Assert.Contains("X-Custom: yes", head, StringComparison.Ordinal);
        Assert.Contains("Authorization: Bearer secret", head, StringComparison.Ordinal);
        Assert.Contains("X-Scope-OrgID: single-tenant", head, StringComparison.Ordinal);
        Assert.Equal("traces_spanmetrics_calls_total{s_kind=\"SPAN_KIND_INTERNAL\",s_name=\"span\",service=\"shop\",svc=\"hop-s\"}",
            Assert.Single(WriteRequestReader.ReadBlock(body)).Labels);
    }

    [Fact]
    public async Task Two_targets_of_one_URL_each_get_everything()
    {
        // The first cannot have anything for the time being; the other has it all and must not take it from the first.
        for (var i = 0; i < 100_000; i++) _receiver.Answers.Enqueue(Receiver.Answer(503));
        using var second = new Receiver();
        RemoteWriteTarget Target(Uri url, string who) =>
            new() { Url = url, Headers = [new("X-Who", who)], RemoteTimeout = TimeSpan.FromHours(1) };
        Start(options: o => o with { RemoteWrite = [Target(_receiver.Url, "a"), Target(_receiver.Url, "b"), Target(second.Url, "c")] });
        for (var i = 0; i < 3; i++)
        {
            Add(1);
            await _generator!.CollectAsync(CancellationToken.None);
            _time.Advance(TimeSpan.FromSeconds(15));
        }

        await second.HasAsync(3);
        var before = _receiver.Requests.Count;
        _receiver.Answers.Clear();
        await PassTimeUntilAsync(() => Values("a", before) is [.., 3] && Values("b", before) is [.., 3]);
        foreach (var who in new[] { "a", "b" })
        {
            // What was under way while the answers changed may be there twice.
            var values = Changes(Values(who, before)).ToList();
            Assert.Equal([1, 2, 3], values.SkipWhile(static value => value == 0));
        }

        Assert.Equal(3, Page().Split('\n').Count(
            static line => line.StartsWith("prometheus_remote_storage_samples_total{", StringComparison.Ordinal)));
        _disk.TryList("queues/single-tenant", out var files);
        Assert.Equal(3, files.Count(static file => file.StartsWith("sent-", StringComparison.Ordinal)));

        List<double> Values(string who, int skip) =>
        [
            .. _receiver.Requests.Skip(skip).Where(r => r.Head.Contains($"X-Who: {who}\r", StringComparison.OrdinalIgnoreCase))
                .SelectMany(static r => WriteRequestReader.ReadBlock(r.Body))
                .Where(static s => s.Labels.StartsWith("traces_spanmetrics_calls_total{", StringComparison.Ordinal))
                .SelectMany(static s => s.Samples).Select(static s => s.Value),
        ];
    }

    [Fact]
    public void Targets_are_told_apart_by_all_that_makes_them_different()
    {
        var target = new RemoteWriteTarget { Url = _receiver.Url };
        RemoteWriteTarget[] targets =
        [
            target, target with { Headers = [new("a", "b")] }, target with { Headers = [new("a", "c")] }, target with { Account = "me" },
            target with { WriteRelabelRules = [new RelabelRule(RelabelAction.Drop, ["a"])] },
            target with { WriteRelabelRules = [new RelabelRule(RelabelAction.Keep, ["a"])] },
            target with { WriteRelabelRules = [new RelabelRule(RelabelAction.Drop, ["a"], pattern: "x")] }, target with { Name = "n" },
        ];
        Assert.Equal(targets.Length, targets.Select(static t => t.Id).Distinct().Count());
        Assert.Equal(target.Id, new RemoteWriteTarget { Url = _receiver.Url }.Id);
    }

    [Fact]
    public async Task What_the_operator_says_of_a_series_no_sender_says_otherwise()
    {
        Start(settings: s => s with
        {
            InjectTenantIdAs = "tenant",
            ExternalLabels = [new("cluster", "c"), new("tenant", "not this")],
            SpanMetrics = new Tempo.Engine.Generator.SpanMetrics.SpanMetricsSettings
            {
                Dimensions =
                ["tenant", "cluster", "__metrics_gen_instance"],
                EnableTargetInfo = true
            },
        });
        (string, object)[] lies = [("tenant", "victim"), ("cluster", "other"), ("__metrics_gen_instance", "x")];
        _generator!.Add(TenantId.Single, SpanRequest.Of(
            new TestSpan { Id = 1, Attributes = lies, Resource = TestSpan.Service("shop", [.. lies, ("host", "h")]) }));
        await _generator.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(1);
        Assert.Contains(_receiver.Series, static s => s.Labels.StartsWith("traces_target_info{", StringComparison.Ordinal));
        Assert.All(_receiver.Series, static s => Assert.True(
            s.Labels.Contains("__metrics_gen_instance=\"vm\"", StringComparison.Ordinal)
                && s.Labels.Contains("cluster=\"c\"", StringComparison.Ordinal)
                && s.Labels.Contains("tenant=\"single-tenant\"", StringComparison.Ordinal), s.Labels));
    }

    [Fact]
    public void Trouble_with_a_tenants_settings_is_no_trouble_of_its_requests()
    {
        Start(settingsOf: static () => throw new NotSupportedException("no such pattern"));
        Add(1);
        Assert.Contains("no such pattern", _generator!.LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_2_says_the_same_and_falls_back_where_it_is_not_known()
    {
        _receiver.Answers.Enqueue("HTTP/1.1 204 No Content\r\nX-Prometheus-Remote-Write-Samples-Written: 38\r\n\r\n");
        _receiver.Answers.Enqueue(Receiver.Accept);
        Start(target => target with { UsesVersion2 = true, SendExemplars = true });
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(1);
        Assert.Contains(
            "application/x-protobuf;proto=io.prometheus.write.v2.Request", _receiver.Requests.First().Head, StringComparison.Ordinal);
        var asVersion2 = WriteRequestReader.ReadBlock(_receiver.Requests.First().Body, isVersion2: true);
        Assert.Equal(19, asVersion2.Count);
        Assert.Contains(asVersion2, static s =>
            s.Labels.StartsWith("traces_spanmetrics_calls_total{__metrics", StringComparison.Ordinal) && s.Samples.Count == 2);
        // 1 counter, 3 histogram.
        Assert.All(asVersion2, static s =>
            Assert.Equal(s.Labels.StartsWith("traces_spanmetrics_latency_", StringComparison.Ordinal) ? 3 : 1, s.Type));
        Assert.Contains(asVersion2, static s => s.Exemplars.Count == 1 && s.Exemplars[0].Labels == "traceID=a1");

        // It answers well and does not say what it wrote: a receiver of version 1, which understood nothing.
        _time.Advance(TimeSpan.FromSeconds(15));
        await _generator.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(3);
        Assert.Equal(19, WriteRequestReader.ReadBlock(_receiver.Requests.Last().Body).Count);
    }

    [Fact]
    public async Task New_settings_end_the_old_series()
    {
        var settings = Settings;
        Start(settings: _ => settings, settingsOf: () => settings);
        Add(1);
        await _generator!.CollectAsync(CancellationToken.None);
        settings = settings with { Processors = ProcessorSet.None };
        Add(1);
        _time.Advance(TimeSpan.FromSeconds(15));
        await _generator.CollectAsync(CancellationToken.None);

        // Their last values, and then their end.
        await _receiver.HasAsync(3);
        Assert.Contains(WriteRequestReader.ReadBlock(_receiver.Requests.ElementAt(1).Body),
            static s => s.Labels.StartsWith("traces_spanmetrics_calls_total{", StringComparison.Ordinal) && s.Samples is [(2, _)]);
        Assert.All(WriteRequestReader.ReadBlock(_receiver.Requests.Last().Body),
            static s => Assert.Equal(0x7FF0_0000_0000_0002UL, BitConverter.DoubleToUInt64Bits(Assert.Single(s.Samples).Value)));
        Assert.False(_generator.TryWriteExposition(TenantId.Single, false, new System.Buffers.ArrayBufferWriter<byte>()));
    }

    [Fact]
    public void Who_asks_for_a_tenant_does_not_make_it_one()
    {
        Start();
        for (var i = 0; i < 1000; i++)
        {
            Assert.True(TenantId.TryParse($"made-up-{i}", out var tenant, out _));
            Assert.False(_generator!.TryWriteExposition(tenant, i % 2 == 0, new System.Buffers.ArrayBufferWriter<byte>()));
        }

        Assert.Equal(0, _generator!.TenantCount);
        _disk.TryList("queues", out var folders);
        Assert.Empty(folders);
    }

    [Fact]
    public async Task A_tenant_that_is_silent_and_has_nothing_to_send_is_let_go_and_may_come_again()
    {
        Start();
        Add(3);
        await _generator!.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(1);
        Assert.Equal(1, _generator.TenantCount);
        // It leaves the table first and is closed then.
        await PassTimeUntilAsync(
            () => _generator.TenantCount == 0 && !Page().Contains("tenant=\"single-tenant\"", StringComparison.Ordinal),
            TimeSpan.FromMinutes(5));
        Assert.True(_time.GetUtcNow().ToUnixTimeMilliseconds() - SpanRequest.NowUnixMs >= TimeSpan.FromHours(1).TotalMilliseconds);
        _disk.TryList("queues/single-tenant", out var files);
        Assert.DoesNotContain(files, static file => !file.StartsWith("sent-", StringComparison.Ordinal));

        var before = _receiver.Requests.Count;
        Add(5);
        await _generator.CollectAsync(CancellationToken.None);
        await _receiver.HasAsync(before + 1);
        Assert.Equal(5, WriteRequestReader.ReadBlock(_receiver.Requests.Last().Body)
            .Single(static s => s.Labels.StartsWith("traces_spanmetrics_calls_total{", StringComparison.Ordinal)).Samples[^1].Value);
    }

    [Fact]
    public void Two_processes_do_not_share_a_folder()
    {
        Start();
        var e = Assert.Throws<GeneratorStartException>(() => MetricsGenerator.Start(
            new GeneratorOptions { RemoteWrite = [new RemoteWriteTarget { Url = _receiver.Url }] }, _ => Settings, _disk,
            new MetricRegistry(), Log.Null, _time, () => 0.5));
        Assert.Contains("another process", e.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (_generator is not null) await CrashAsync();
        _receiver.Dispose();
    }

    private static GeneratorSettings Settings
    {
        get
        {
            Assert.True(ProcessorSet.TryParse(["span-metrics"], out var processors, out _));
            return new GeneratorSettings
            {
                Processors = processors,
                ExternalLabels = [new("cluster", "c")],
                IngestionSlack = TimeSpan.FromHours(10)
            };
        }
    }

    private void Start(
        Func<RemoteWriteTarget, RemoteWriteTarget>? target = null, Func<GeneratorSettings, GeneratorSettings>? settings = null,
        Func<GeneratorOptions, GeneratorOptions>? options = null,
        Func<GeneratorSettings>? settingsOf = null)
    {
        var remote = new RemoteWriteTarget { Url = _receiver.Url, RemoteTimeout = TimeSpan.FromHours(1) };
        var defaults = settings?.Invoke(Settings) ?? Settings;
        var all = new GeneratorOptions
        {
            RemoteWrite = [target?.Invoke(remote) ?? remote],
            InstanceId = "vm",
            RemoteWriteFlushDeadline = TimeSpan.Zero
        };
        _generator = MetricsGenerator.Start(
            options?.Invoke(all) ?? all, _ => settingsOf?.Invoke() ?? defaults, _disk, _metrics, Log.Null, _time, () => 0.5);
    }

    // The disk is taken away first, so that what the end of the object does is not seen by the next one.
    private async Task CrashAsync()
    {
        var dead = _generator!;
        _disk = _disk.Kill();
        var end = dead.DisposeAsync().AsTask();
        await PassTimeUntilAsync(() => end.IsCompleted);
    }

    private void Add(int spans) =>
        _generator!.Add(TenantId.Single, SpanRequest.Of(Enumerable.Range(0, spans).Select(_ => new TestSpan { Id = ++_id })));

    private async Task PassTimeUntilAsync(Func<bool> condition, TimeSpan? step = null)
    {
        for (var i = 0; !condition(); i++)
        {
            Assert.True(i < 6000, "it did not come about");
            _time.Advance(step ?? TimeSpan.FromMilliseconds(500));
            await Task.Delay(5);
        }
    }

    // As the clock is moved the generator's own loop collects as well, so that a value may be sent more than once.
    private static IEnumerable<double> Changes(IEnumerable<double> values)
    {
        var last = double.NaN;
        foreach (var value in values)
        {
            if (value != last) yield return value;
            last = value;
        }
    }

    private string Page()
    {
        var page = new System.Buffers.ArrayBufferWriter<byte>();
        _metrics.WriteTo(page);
        return System.Text.Encoding.UTF8.GetString(page.WrittenSpan);
    }

    private double Metric(string name)
    {
        return Page().Split('\n').Where(line => line.StartsWith(name + "{", StringComparison.Ordinal))
            .Sum(static line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }
}
