using System.Buffers;
using System.Text;
using Tempo.Engine.Node;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;
using Xunit;

namespace Tempo.Host.Tests.Receivers;

public class OutcomeTests
{
    private static (string Json, byte[] Protobuf) Write(int rejected, string message)
    {
        var outcome = new IngestOutcome(IngestStatus.Accepted, 1, rejected, message);
        var json = new ArrayBufferWriter<byte>();
        ExportResponse.WriteJson(outcome, json);
        return (Encoding.UTF8.GetString(json.WrittenSpan), ExportResponse.ToProtobuf(outcome));
    }

    [Fact]
    public void FullSuccessLeavesPartialSuccessUnset()
    {
        var (json, protobuf) = Write(0, "");
        Assert.Equal("{}", json);
        Assert.Empty(protobuf);
    }

    [Fact]
    public void PartialSuccessIsExact()
    {
        var (json, protobuf) = Write(300, "x");
        Assert.Equal("""{"partialSuccess":{"rejectedSpans":"300","errorMessage":"x"}}""", json);
        Assert.Equal([0x0a, 6, 0x08, 0xac, 0x02, 0x12, 1, (byte)'x'], protobuf);
    }

    [Fact]
    public void AWarningHasNoRejectedSpans()
    {
        var (json, protobuf) = Write(0, "x");
        Assert.Equal("""{"partialSuccess":{"errorMessage":"x"}}""", json);
        Assert.Equal([0x0a, 3, 0x12, 1, (byte)'x'], protobuf);
    }

    [Theory]
    [InlineData(IngestStatus.Invalid, 0, GrpcStatusCode.InvalidArgument, 0)]
    [InlineData(IngestStatus.TooLarge, 0, GrpcStatusCode.ResourceExhausted, 0)]
    [InlineData(IngestStatus.RateLimited, 5, GrpcStatusCode.ResourceExhausted, 5)]
    [InlineData(IngestStatus.RateLimited, 0, GrpcStatusCode.ResourceExhausted, 0)]
    [InlineData(IngestStatus.Overloaded, 0, GrpcStatusCode.Unavailable, 1)]
    [InlineData(IngestStatus.Unavailable, 30, GrpcStatusCode.Unavailable, 30)]
    public void OnlyWhatMaySucceedLaterIsRetryable(IngestStatus status, int retryAfter, GrpcStatusCode code, int retryDelay)
    {
        var answer = OtlpIngest.ToStatus(new IngestOutcome(status, 0, 0, "m") { RetryAfter = TimeSpan.FromSeconds(retryAfter) });
        Assert.Equal((code, TimeSpan.FromSeconds(retryDelay)), (answer.Code, answer.RetryDelay));
    }

    [Theory]
    [InlineData(IngestStatus.Invalid, 400)]
    [InlineData(IngestStatus.TooLarge, 413)]
    [InlineData(IngestStatus.RateLimited, 429)]
    [InlineData(IngestStatus.Overloaded, 503)]
    [InlineData(IngestStatus.Unavailable, 503)]
    public void OverHttp(IngestStatus status, int code) =>
        Assert.Equal(code, HttpBody.StatusOf(OtlpIngest.ToStatus(new IngestOutcome(status, 0, 0, "m"))));

    [Fact]
    public void StatusInJson()
    {
        var json = new ArrayBufferWriter<byte>();
        StatusJson.Write(new GrpcStatus(GrpcStatusCode.ResourceExhausted, "a \"b\"") { RetryDelay = TimeSpan.FromSeconds(5) }, json);
        Assert.Equal("""{"code":8,"message":"a \"b\"","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"5s"}]}""",
            Encoding.UTF8.GetString(json.WrittenSpan));
    }
}
