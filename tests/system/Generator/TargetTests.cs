using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Generator;

/// <summary>A process of <c>target: metrics-generator</c>: spans in, metrics out, nothing kept.</summary>
public sealed class TargetTests
{
    [Fact]
    public async Task It_goes_by_what_tenants_set_themselves()
    {
        var data = Directory.CreateTempSubdirectory("tempo-generator-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(data, "own", "single-tenant"));
            await File.WriteAllTextAsync(
                Path.Combine(data, "own", "single-tenant", "overrides.json"), """{"metrics_generator":{"processors":["span-metrics"]}}""");
            var settings = GeneratorSettings.Of(data, "");
            await using var tempo = await TempoProcess.StartAsync(settings with
            {
                Overrides =
                    $"{{user_configurable_overrides: {{enabled: true, client: {{backend: local, local: {{path: '{data}/own'}}}}}}}}",
                More = settings.More + "\ntarget: metrics-generator\n",
            });
            using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
            Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(GoldenTrace.Make()))).Status);
            var page = new PrometheusText((await tempo.Api.AskAsync("/metrics/generated")).Text);
            Assert.Equal((4, 0), (page.Sum("traces_spanmetrics_calls_total"), page.Sum("traces_service_graph_request_total")));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task It_takes_spans_by_every_receiver_and_has_their_metrics_and_nothing_else()
    {
        var data = Directory.CreateTempSubdirectory("tempo-generator-").FullName;
        try
        {
            var settings = GeneratorSettings.Of(data, "");
            await using var tempo = await TempoProcess.StartAsync(settings with { More = settings.More + "\ntarget: metrics-generator\n" });
            using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
            using var grpc = new GrpcClient(tempo.OtlpGrpcUrl);
            using var zipkin = new OtlpHttpClient(tempo.ZipkinUrl);
            Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(GoldenTrace.Make()))).Status);
            Assert.Equal(GrpcAnswer.Ok, (await grpc.ExportAsync(ExportRequest.Encode(Spans.NewTrace(3, "by gRPC")))).Status);
            var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000;
            Assert.Equal(202, (await zipkin.PostAsync(
                Encoding.UTF8.GetBytes($$"""[{"traceId":"1","id":"2","name":"by zipkin","timestamp":{{now}},"duration":5}]"""),
                "application/json")).Status);

            // A span without an id is told and not counted.
            var bad = Spans.NewTrace(2, "half good");
            var partly = await otlp.PostAsync(ExportRequest.Encode([bad[0], bad[1] with { SpanId = new string('0', 16) }]));
            Assert.Equal(1, ExportAnswer.Parse(partly.Body).RejectedSpans);

            var page = new PrometheusText((await tempo.Api.AskAsync("/metrics/generated")).Text);
            Assert.Equal((3, 1, 1), (Calls("by gRPC"), Calls("by zipkin"), Calls("half good")));
            Assert.Equal(1, page.Sum("traces_service_graph_request_total", "client=\"frontend\""));
            double Calls(string name) => page.Sum("traces_spanmetrics_calls_total", $"span_name=\"{name}\"");

            var metrics = await tempo.Api.MetricsAsync();
            Assert.Equal(metrics.Sum("tempo_distributor_spans_received_total"),
                metrics.Sum("tempo_receiver_accepted_spans") + metrics.Sum("tempo_receiver_refused_spans"));
            Assert.Equal(1, metrics.Sum("tempo_discarded_spans_total", "invalid_span_id"));
            Assert.Matches(@"metrics-generator\s*\|\s*Running", (await tempo.Api.AskAsync("/status/services")).Text);
            Assert.Equal(404, (await tempo.Api.AskAsync("/api/search")).Status);
            Assert.False(Directory.Exists(tempo.BlocksFolder) || Directory.Exists(Path.Combine(tempo.DataFolder, "wal")),
                "a generator keeps no spans");
            Assert.Equal(0, await tempo.StopAsync());
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }
}
