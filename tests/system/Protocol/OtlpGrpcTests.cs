using System.Text;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>What the OTLP specification requires over gRPC.
/// https://opentelemetry.io/docs/specs/otlp/#otlpgrpc</summary>
public sealed class OtlpGrpcTests(SharedTempo shared) : IDisposable
{
    private const int MessageLimit = 64 << 20;

    private readonly TempoApi _api = shared.Tempo.Api;
    private readonly GrpcClient _client = new(shared.Tempo.OtlpGrpcUrl);

    [Fact]
    public async Task Full_success_leaves_partial_success_unset_and_the_spans_can_be_read_at_once()
    {
        var spans = Spans.NewTrace(3);
        var answer = await _client.ExportAsync(ExportRequest.Encode(spans));

        Assert.Equal((200, GrpcAnswer.Ok), (answer.HttpStatus, answer.Status));
        Assert.False(answer.Export().HasPartialSuccess);
        SpanFacts.AssertSame(spans, await _api.FindTraceAsync(spans[0].TraceId));
    }

    [Fact]
    public async Task Gzip_is_accepted()
    {
        var spans = Spans.NewTrace();
        Assert.Equal(GrpcAnswer.Ok, (await _client.ExportGzipAsync(GrpcClient.Gzip(ExportRequest.Encode(spans)))).Status);
        Assert.Single(await _api.FindTraceAsync(spans[0].TraceId));
    }

    [Fact]
    public async Task An_empty_request_and_empty_envelopes_are_a_success()
    {
        var emptyScope = new ProtobufMessage().Message(1, new ProtobufMessage().Message(2, new ProtobufMessage())).ToArray();
        foreach (var request in new byte[][] { [], new ProtobufMessage().Message(1, new ProtobufMessage()).ToArray(), emptyScope })
        {
            var answer = await _client.ExportAsync(request);
            Assert.Equal(GrpcAnswer.Ok, answer.Status);
            Assert.False(answer.Export().HasPartialSuccess);
        }
    }

    [Fact]
    public async Task A_bad_span_is_rejected_alone_and_counted()
    {
        var good = Spans.NewTrace(2);
        var bad = Spans.NewTrace()[0] with { SpanId = "0000000000000000" };
        var answer = await _client.ExportAsync(ExportRequest.Encode([.. good, bad]));

        Assert.Equal(GrpcAnswer.Ok, answer.Status);
        Assert.Equal(1, answer.Export().RejectedSpans);
        Assert.NotEmpty(answer.Export().ErrorMessage);
        Assert.Equal(2, (await _api.FindTraceAsync(good[0].TraceId)).Count);
        Assert.Empty(await _api.FindTraceAsync(bad.TraceId));
    }

    [Fact]
    public async Task A_cut_attribute_is_accepted_with_a_warning()
    {
        var span = Spans.NewTrace()[0] with { Attributes = [new("long", "string:" + new string('é', 3000))] };
        var answer = await _client.ExportAsync(ExportRequest.Encode(span));

        Assert.Equal(GrpcAnswer.Ok, answer.Status);
        Assert.Equal(0, answer.Export().RejectedSpans);
        Assert.NotEmpty(answer.Export().ErrorMessage);
        var kept = Assert.Single(Assert.Single(await _api.FindTraceAsync(span.TraceId)).Attributes).Value;
        Assert.Equal("string:" + new string('é', 1024), kept);
    }

    [Theory]
    [InlineData("ff")]
    [InlineData("0a05")]
    [InlineData("0f")]
    public async Task Undecodable_bytes_are_an_invalid_argument_with_a_bad_request_detail(string hex)
    {
        var answer = await _client.ExportAsync(Convert.FromHexString(hex));
        Assert.Equal(GrpcAnswer.InvalidArgument, answer.Status);
        Assert.NotEmpty(answer.Message);
        Assert.Contains(RpcStatus.BadRequest, answer.Details!.Details);
    }

    [Fact]
    public async Task A_request_without_a_valid_span_is_an_invalid_argument()
    {
        var answer = await _client.ExportAsync(ExportRequest.Encode(Spans.NewTrace()[0] with { TraceId = new string('0', 32) }));
        Assert.Equal(GrpcAnswer.InvalidArgument, answer.Status);
    }

    [Fact]
    public async Task Unknown_fields_are_ignored()
    {
        var span = Spans.NewTrace()[0];
        var extended = ExportRequest.Span(span).String(9999, "from the future").Varint(500, 7);
        var scopeSpans = new ProtobufMessage().Message(2, extended).Fixed64(77, 1);
        var request = new ProtobufMessage().Message(1, new ProtobufMessage().Message(2, scopeSpans)).String(33, "x").ToArray();

        Assert.Equal(GrpcAnswer.Ok, (await _client.ExportAsync(request)).Status);
        Assert.Single(await _api.FindTraceAsync(span.TraceId));
    }

    [Fact]
    public async Task Sending_again_after_a_lost_answer_does_not_duplicate()
    {
        var spans = Spans.NewTrace(2, name: "sent twice");
        var request = ExportRequest.Encode(spans);
        Assert.Equal(GrpcAnswer.Ok, (await _client.ExportAsync(request)).Status);
        Assert.Equal(GrpcAnswer.Ok, (await _client.ExportAsync(request)).Status);

        SpanFacts.AssertSame(spans, await _api.FindTraceAsync(spans[0].TraceId));
        Assert.Equal([(spans[0].TraceId, 2)], await _api.SearchAsync("{ name = \"sent twice\" }"));
    }

    [Fact]
    public async Task Many_calls_run_at_once_on_one_connection()
    {
        var traces = Enumerable.Range(0, 50).Select(_ => Spans.NewTrace(2)).ToArray();
        var answers = await Task.WhenAll(traces.Select(spans => _client.ExportAsync(ExportRequest.Encode(spans))));

        Assert.All(answers, answer => Assert.Equal(GrpcAnswer.Ok, answer.Status));
        foreach (var spans in traces) Assert.Equal(2, (await _api.FindTraceAsync(spans[0].TraceId)).Count);
    }

    [Fact]
    public async Task The_answer_stays_small_when_every_span_is_rejected_but_one()
    {
        var bad = Spans.NewTrace(20_000).Select(span => span with { SpanId = "0000000000000000" });
        var answer = await _client.ExportAsync(ExportRequest.Encode([.. Spans.NewTrace(), .. bad]));
        Assert.Equal(20_000, answer.Export().RejectedSpans);
        Assert.InRange(answer.Messages[0].Length, 1, 64 << 10);
    }

    [Fact]
    public async Task Too_large_is_resource_exhausted_for_good_and_the_next_call_works()
    {
        var answer = await _client.CallAsync(GrpcClient.Frame(new byte[MessageLimit + 1]));
        AssertTooLarge(answer);
        await AssertStillServing();
    }

    [Fact]
    public async Task A_gzip_bomb_is_stopped_at_the_limit_and_the_next_call_works()
    {
        var answer = await _client.ExportGzipAsync(GrpcClient.Gzip(new byte[MessageLimit + (16 << 20)]));
        AssertTooLarge(answer);
        await AssertStillServing();
    }

    [Fact]
    public async Task An_unknown_encoding_is_unimplemented_and_the_known_ones_are_named()
    {
        var answer = await _client.CallAsync(GrpcClient.Frame(ExportRequest.Encode(Spans.NewTrace()), flag: 1), encoding: "lzma");
        Assert.Equal(GrpcAnswer.Unimplemented, answer.Status);
        Assert.Contains("gzip", answer.AcceptEncoding, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/opentelemetry.proto.collector.trace.v1.TraceService/Import")]
    [InlineData("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")]
    [InlineData("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")]
    public async Task An_unknown_method_is_unimplemented(string path) =>
        Assert.Equal(GrpcAnswer.Unimplemented, (await _client.CallAsync(GrpcClient.Frame([]), path)).Status);

    [Fact]
    public async Task Another_content_type_is_unsupported() =>
        Assert.Equal(415, (await _client.CallAsync(GrpcClient.Frame([]), contentType: "text/plain")).HttpStatus);

    public static TheoryData<string, byte[]> BrokenFrames() => new()
    {
        { "no frame at all", [] },
        { "half a prefix", [0, 0] },
        { "less than the prefix claims", GrpcClient.Frame([], claimedLength: 100) },
        { "2 GiB claimed", GrpcClient.Frame([], claimedLength: int.MaxValue) },
        { "4 GiB claimed", GrpcClient.Frame([], claimedLength: -1) },
        { "flag 2", GrpcClient.Frame([], flag: 2) },
        { "compressed without an encoding", GrpcClient.Frame([], flag: 1) },
        { "two messages in a unary call", [.. GrpcClient.Frame([]), .. GrpcClient.Frame([])] },
        { "a frame and rubbish", [.. GrpcClient.Frame([]), 1, 2, 3] },
    };

    [Theory]
    [MemberData(nameof(BrokenFrames))]
    public async Task A_broken_frame_is_refused_for_good_and_the_next_call_works(string what, byte[] frames)
    {
        var answer = await _client.CallAsync(frames);
        Assert.True(answer.Status is GrpcAnswer.InvalidArgument or GrpcAnswer.Internal or GrpcAnswer.ResourceExhausted
            or GrpcAnswer.Unimplemented, $"{what}: {answer}");
        await AssertStillServing();
    }

    [Fact]
    public async Task Gzip_that_is_no_gzip_is_an_invalid_argument()
    {
        var answer = await _client.ExportGzipAsync(Encoding.ASCII.GetBytes("this was never compressed"));
        Assert.True(answer.Status is GrpcAnswer.InvalidArgument or GrpcAnswer.Internal, answer.ToString());
    }

    public void Dispose() => _client.Dispose();

    private static void AssertTooLarge(GrpcAnswer answer)
    {
        Assert.Equal(GrpcAnswer.ResourceExhausted, answer.Status);
        Assert.DoesNotContain(RpcStatus.RetryInfo, answer.Details?.Details ?? []);
    }

    private async Task AssertStillServing() =>
        Assert.Equal(GrpcAnswer.Ok, (await _client.ExportAsync(ExportRequest.Encode(Spans.NewTrace()))).Status);
}
