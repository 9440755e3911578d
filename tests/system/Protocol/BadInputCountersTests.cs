using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>What is wrong with what comes in is counted, by what is wrong: one counter moves for one fault.</summary>
public sealed class BadInputCountersTests
{
    private const string Invalid = "tempo_receiver_requests_invalid_total", Anomalies = "tempo_distributor_spans_time_anomaly_total";

    [Fact]
    public async Task Requests_of_which_nothing_can_be_read_are_counted_by_receiver_and_reason()
    {
        await using var tempo = await TempoProcess.StartAsync();
        var expected = new Dictionary<string, int>();
        await PostAsync(tempo.OtlpHttpUrl, [0xff], "application/x-protobuf", "otlp/otlp_receiver", "http", "decode");
        await PostAsync(tempo.OtlpHttpUrl, "{bad"u8.ToArray(), "application/json", "otlp/otlp_receiver", "http", "decode");
        await PostAsync(tempo.OtlpHttpUrl, "x"u8.ToArray(), "text/plain", "otlp/otlp_receiver", "http", "media_type");
        await PostAsync(tempo.ZipkinUrl, "{bad"u8.ToArray(), "application/json", "zipkin/zipkin_receiver", "http_v2_json", "decode");
        await PostAsync(tempo.ZipkinUrl, [0xff], "application/x-protobuf", "zipkin/zipkin_receiver", "http_v2_proto", "decode");
        await PostAsync(
            tempo.JaegerHttpUrl + "/api/traces", [0xff], "application/x-thrift", "jaeger/jaeger_receiver", "collector_http", "decode");
        await PostAsync(
            tempo.JaegerHttpUrl + "/api/traces", [0xff], "text/plain", "jaeger/jaeger_receiver", "collector_http", "media_type");
        await CallAsync(tempo.OtlpGrpcUrl, GrpcClient.Frame([0xff]), "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "otlp/otlp_receiver", "decode");
        await CallAsync(
            tempo.JaegerGrpcUrl, GrpcClient.Frame([0xff]), "/jaeger.api_v2.CollectorService/PostSpans", "jaeger/jaeger_receiver", "decode");
        await PostAsync(tempo.OtlpHttpUrl, new byte[(64 << 20) + 1], "application/x-protobuf", "otlp/otlp_receiver", "http", "too_large");

        var metrics = await tempo.Api.MetricsAsync();
        Assert.All(expected, one => Assert.Equal((one.Key, one.Value), (one.Key, metrics.Sum(Invalid, one.Key))));
        Assert.Equal(expected.Values.Sum(), metrics.Sum(Invalid));
        Assert.Equal(0, metrics.Sum("tempo_distributor_spans_received_total"));

        async Task PostAsync(string url, byte[] body, string contentType, string receiver, string transport, string reason)
        {
            using var http = new OtlpHttpClient(url);
            Assert.InRange((await http.PostAsync(body, contentType)).Status, 400, 499);
            Expect(receiver, transport, reason);
        }

        async Task CallAsync(string url, byte[] frame, string path, string receiver, string reason)
        {
            using var grpc = new GrpcClient(url);
            Assert.Equal(GrpcAnswer.InvalidArgument, (await grpc.CallAsync(frame, path)).Status);
            Expect(receiver, "grpc", reason);
        }

        void Expect(string receiver, string transport, string reason)
        {
            var labels = $"receiver=\"{receiver}\",transport=\"{transport}\",reason=\"{reason}\"";
            expected[labels] = expected.GetValueOrDefault(labels) + 1;
        }
    }

    [Fact]
    public async Task A_tenant_that_is_none_is_counted()
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings { Multitenancy = true });
        using var http = new OtlpHttpClient(tempo.OtlpHttpUrl);
        await http.PostAsync(ExportRequest.Encode(Spans.NewTrace()), "application/x-protobuf");
        Assert.Equal(1, (await tempo.Api.MetricsAsync()).Sum(Invalid, "transport=\"http\",reason=\"tenant\""));
    }

    [Fact]
    public async Task Spans_that_are_kept_otherwise_than_they_came_or_whose_times_cannot_be_right_are_counted()
    {
        await using var tempo = await TempoProcess.StartAsync();
        using var http = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        const ulong hour = 3_600_000_000_000;
        var good = Spans.NewTrace()[0] with { StartUnixNano = now, EndUnixNano = now + 5 };
        await SendAsync(ExportRequest.Encode(good));
        await SendAsync(ExportRequest.Encode(
            good with { SpanId = "0000000000000002", StartUnixNano = now + 2 * hour, EndUnixNano = now + 3 * hour },
            good with { SpanId = "0000000000000003", StartUnixNano = now - 15 * 24 * hour },
            good with { SpanId = "0000000000000004", StartUnixNano = ulong.MaxValue },
            good with { SpanId = "0000000000000005", EndUnixNano = now - hour },
            good with { SpanId = "0000000000000006", Attributes = [new AttributeFacts("long", "string:" + new string('x', 3000))] }));

        // A name and a value that are not UTF-8, and a value nested too deep.
        var deep = new ProtobufMessage().String(1, "x");
        for (var level = 0; level < 40; level++) deep = new ProtobufMessage().Message(5, new ProtobufMessage().Message(1, deep));
        var odd = ExportRequest.Span(good with { SpanId = "0000000000000007" }).Bytes(5, [0xff])
            .Message(9, new ProtobufMessage().String(1, "bad").Message(2, new ProtobufMessage().Bytes(1, [0xc3, 0x28])))
            .Message(9, new ProtobufMessage().String(1, "deep").Message(2, deep));
        await SendAsync(new ProtobufMessage().Message(1, new ProtobufMessage().Message(2, new ProtobufMessage().Message(2, odd)))
            .ToArray());

        var metrics = await tempo.Api.MetricsAsync();
        Assert.Equal((2, 1, 1), (metrics.Sum(Anomalies, "kind=\"future\""), metrics.Sum(Anomalies, "kind=\"past\""),
            metrics.Sum(Anomalies, "kind=\"end_before_start\"")));
        Assert.Equal(4, metrics.Sum(Anomalies, "tenant=\"single-tenant\""));
        Assert.Equal(2, metrics.Sum("tempo_distributor_utf8_replaced_total", "tenant=\"single-tenant\""));
        Assert.Equal(1, metrics.Sum("tempo_distributor_attributes_dropped_total", "tenant=\"single-tenant\""));
        Assert.Equal(1, metrics.Sum("tempo_distributor_attributes_truncated_total", "scope=\"span\""));
        Assert.Equal((7, 0), (metrics.Sum("tempo_ingested_spans_total"), metrics.Sum("tempo_discarded_spans_total")));

        async Task SendAsync(byte[] body) => Assert.Equal(200, (await http.PostAsync(body, "application/x-protobuf")).Status);
    }
}
