using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>gRPC that comes to the HTTP port of the API.</summary>
public sealed class GrpcOverHttpTests
{
    private const string Search = "/tempopb.StreamingQuerier/Search";
    private const int NoStatus = -1;

    [Theory]
    [InlineData(true, "application/grpc", 200, GrpcAnswer.Ok)]
    [InlineData(false, "application/grpc", 200, GrpcAnswer.Unavailable)]
    [InlineData(true, "application/grpc+json", 415, NoStatus)]
    [InlineData(false, "application/grpc+json", 200, GrpcAnswer.Unavailable)]
    public async Task Whatever_calls_itself_grpc_is_answered_as_such(bool isEnabled, string contentType, int httpStatus, int grpcStatus)
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings { StreamOverHttp = isEnabled });
        using var grpc = new GrpcClient($"http://{tempo.ApiAddress}");
        var answer = await grpc.CallAsync(GrpcClient.Frame([]), Search, contentType: contentType);
        Assert.Equal(httpStatus, answer.HttpStatus);
        if (grpcStatus != NoStatus) Assert.Equal(grpcStatus, answer.Status);
    }

    [Fact]
    public async Task Every_method_is_answered_on_the_http_port_as_on_its_own()
    {
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings { StreamOverHttp = true });
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var spans = Spans.NewTrace(3, "both ports");
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(spans))).Status);
        // A range that ends before now, whatever the clock does meanwhile, so that both ports are asked the same.
        var (start, end) = (spans[0].StartUnixNano / 1_000_000_000 - 60, spans[0].StartUnixNano / 1_000_000_000 + 60);
        ProtobufMessage Range(string query) =>
            new ProtobufMessage().String(1, query).Varint(2, start * 1_000_000_000).Varint(3, end * 1_000_000_000);
        (string Method, ProtobufMessage Request)[] calls =
        [
            ("tempopb.StreamingQuerier/Search", new ProtobufMessage().Varint(5, start).Varint(6, end)
                .String(8, "{ name = \"both ports\" }")),
            ("tempopb.StreamingQuerier/SearchTags", new ProtobufMessage()),
            ("tempopb.StreamingQuerier/SearchTagsV2", new ProtobufMessage()),
            ("tempopb.StreamingQuerier/SearchTagValues", new ProtobufMessage().String(1, "name")),
            ("tempopb.StreamingQuerier/SearchTagValuesV2", new ProtobufMessage().String(1, "name")),
            ("tempopb.StreamingQuerier/MetricsQueryRange", Range("{} | rate()").Varint(4, 60_000_000_000)),
            ("tempopb.StreamingQuerier/MetricsQueryInstant", Range("{} | count_over_time()")),
            ("jaeger.api_v3.QueryService/GetServices", new ProtobufMessage()),
            ("grpc.health.v1.Health/Check", new ProtobufMessage()),
        ];
        using var own = new GrpcClient($"http://{tempo.ApiGrpcAddress}");
        using var shared = new GrpcClient($"http://{tempo.ApiAddress}");
        foreach (var (method, request) in calls)
        {
            var (expected, answer) = (await own.CallAsync(GrpcClient.Frame(request.ToArray()), "/" + method),
                await shared.CallAsync(GrpcClient.Frame(request.ToArray()), "/" + method));
            Assert.True(answer.Status == GrpcAnswer.Ok, $"{method}: {answer.Status} {answer.Message}");
            // What was found, which is field 1 of each; how much was read for it, and in how many messages it comes, may be another time.
            var (wanted, found) = (Found(expected), Found(answer));
            Assert.True(found.Length > 0, $"{method}: an empty answer");
            if (!method.Contains("MetricsQuery", StringComparison.Ordinal)) Assert.Equal(wanted, found);
        }
    }

    private static string[] Found(GrpcAnswer answer) =>
        [.. answer.Messages.Select(static message => new ProtobufFields(message)).Where(static message => message.Has(1))
            .SelectMany(static message => message.All(1)).Select(Convert.ToHexString)];
}
