using System.IO.Compression;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;
using Xunit;

namespace Tempo.Host.Tests.Grpc;

public class GrpcServerTests
{
    private static byte[] Gzip(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal)) gzip.Write(content);
        return compressed.ToArray();
    }

    private static string Code(GrpcStatusCode code) => ((int)code).ToString(System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task AMessageIsReadHoweverItIsSplit()
    {
        var call = await new GrpcExchange().SendAsync(GrpcExchange.Frame(0, 1, 2, 3));
        Assert.Equal(("0", ""), (call.Trailers["grpc-status"].ToString(), call.Message));
        Assert.Equal(GrpcExchange.Frame(0, 1, 2, 3), call.ResponseBody);
    }

    [Fact]
    public async Task AnEmptyMessageIsAFrameOfItsOwn()
    {
        var call = await new GrpcExchange().SendAsync(GrpcExchange.Frame(0));
        Assert.Equal("0", call.Status);
        Assert.Equal(GrpcExchange.Frame(0), call.ResponseBody);
    }

    [Theory]
    [InlineData(new byte[0], "cardinality violation: no request message")]
    [InlineData(new byte[] { 0, 0 }, "ends within a message")]
    [InlineData(new byte[] { 0, 0, 0, 0, 3, 1, 2 }, "ends within a message")]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 1, 9 }, "cardinality violation: bytes behind")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, "cardinality violation: bytes behind")]
    [InlineData(new byte[] { 2, 0, 0, 0, 0 }, "invalid compressed flag 2")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255 }, "invalid compressed flag 255")]
    [InlineData(new byte[] { 1, 0, 0, 0, 0 }, "compressed flag set with identity or empty encoding")]
    public async Task BrokenFramesAreInternal(byte[] body, string message)
    {
        var call = await new GrpcExchange().SendAsync(body);
        Assert.Equal(Code(GrpcStatusCode.Internal), call.Status);
        Assert.Contains(message, call.Message, StringComparison.Ordinal);
        Assert.Empty(call.ResponseBody);
    }

    [Fact]
    public async Task AClaimedLengthIsRefusedBeforeAnythingIsRead()
    {
        var memory = new RequestMemory(10_000);
        var call = await new GrpcExchange { Memory = memory }.SendAsync(0, 255, 255, 255, 255);
        Assert.Equal((Code(GrpcStatusCode.ResourceExhausted), "grpc: received message larger than max (4294967295 vs. 1000)"),
            (call.Status, call.Message));
        Assert.False(call.StatusHeaders.ContainsKey("grpc-status-details-bin"));
    }

    [Fact]
    public async Task TheLimitHoldsExactly()
    {
        Assert.Equal("0", (await new GrpcExchange().SendAsync(GrpcExchange.Frame(0, new byte[1000]))).Status);
        Assert.Equal("8", (await new GrpcExchange().SendAsync(GrpcExchange.Frame(0, new byte[1001]))).Status);
        Assert.Equal("0", (await new GrpcExchange { Headers = { ["grpc-encoding"] = "gzip" } }.SendAsync(
            GrpcExchange.Frame(1, Gzip(new byte[1000])))).Status);
        var over =
            await new GrpcExchange { Headers = { ["grpc-encoding"] = "gzip" } }.SendAsync(GrpcExchange.Frame(1, Gzip(new byte[1001])));
        Assert.Equal(("8", "grpc: received message after decompression larger than max 1000"), (over.Status, over.Message));
    }

    [Fact]
    public async Task GzipIsDecompressedAndAnUncompressedMessageIsTakenBesideIt()
    {
        var call = await new GrpcExchange { Headers = { ["grpc-encoding"] = "gzip" } }.SendAsync(GrpcExchange.Frame(1, Gzip([7, 8])));
        Assert.Equal(GrpcExchange.Frame(0, 7, 8), call.ResponseBody);
        call = await new GrpcExchange { Headers = { ["grpc-encoding"] = "gzip" } }.SendAsync(GrpcExchange.Frame(0, 7, 8));
        Assert.Equal(GrpcExchange.Frame(0, 7, 8), call.ResponseBody);
        call = await new GrpcExchange { Headers = { ["grpc-encoding"] = "gzip" } }.SendAsync(GrpcExchange.Frame(1, 7, 8));
        Assert.Equal(Code(GrpcStatusCode.InvalidArgument), call.Status);
    }

    [Fact]
    public async Task AnUnknownEncodingIsUnimplementedAndTheKnownOnesAreNamed()
    {
        var call = await new GrpcExchange { Headers = { ["grpc-encoding"] = "br" } }.SendAsync(GrpcExchange.Frame(1, 1));
        Assert.Equal(Code(GrpcStatusCode.Unimplemented), call.Status);
        Assert.Contains("gzip", call.StatusHeaders["grpc-accept-encoding"].ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/test.Echo/Nope", "unknown method Nope for service test.Echo")]
    [InlineData("/nope.Nope/Say", "unknown service nope.Nope")]
    [InlineData("/", "unknown service ")]
    public async Task UnknownMethodsAreUnimplemented(string path, string message)
    {
        var call = await new GrpcExchange { CallPath = path }.SendAsync(GrpcExchange.Frame(0));
        Assert.Equal((200, Code(GrpcStatusCode.Unimplemented), message), (call.HttpStatus, call.Status, call.Message));
    }

    [Theory]
    [InlineData("GET", "application/grpc", 405)]
    [InlineData("POST", "application/json", 415)]
    [InlineData("POST", "application/grpcx", 415)]
    [InlineData("POST", "application/grpc+json", 415)]
    [InlineData("POST", "", 415)]
    public async Task WhatIsNotGrpcGetsAnHttpStatus(string method, string contentType, int expected)
    {
        var call = await new GrpcExchange { Method = method, ContentType = contentType }.SendAsync();
        Assert.Equal((expected, ""), (call.HttpStatus, call.Status));
    }

    [Theory]
    [InlineData("application/grpc+proto")]
    [InlineData("application/grpc;x=y")]
    public async Task ContentTypesOfGrpc(string contentType) =>
        Assert.Equal("0", (await new GrpcExchange { ContentType = contentType }.SendAsync(GrpcExchange.Frame(0))).Status);

    [Fact]
    public async Task ADeadlineEndsTheCall()
    {
        var call =
            await new GrpcExchange { Headers = { ["grpc-timeout"] = "1n" }, DelayMilliseconds = 60_000 }.SendAsync(GrpcExchange.Frame(0));
        Assert.Equal(Code(GrpcStatusCode.DeadlineExceeded), call.Status);
        call = await new GrpcExchange { Headers = { ["grpc-timeout"] = "soon" } }.SendAsync(GrpcExchange.Frame(0));
        Assert.Equal((Code(GrpcStatusCode.Internal), "malformed grpc-timeout"), (call.Status, call.Message));
    }

    [Fact]
    public async Task WhatFoundNoMemoryIsToBeTriedAgain()
    {
        var call = await new GrpcExchange().SendAsync(GrpcExchange.Frame(0, "memory"u8.ToArray()));
        Assert.Equal((Code(GrpcStatusCode.Unavailable), "there is no memory for this now, try again"), (call.Status, call.Message));
        Assert.True(call.StatusHeaders.ContainsKey("grpc-status-details-bin")); // RetryInfo
    }

    [Fact]
    public async Task ADefectIsInternalAndTellsNothing()
    {
        var call = await new GrpcExchange().SendAsync(GrpcExchange.Frame(0, "throw"u8.ToArray()));
        Assert.Equal((Code(GrpcStatusCode.Internal), "internal error"), (call.Status, call.Message));
    }

    [Fact]
    public async Task WithoutMemoryACallIsTriedAgain()
    {
        var memory = new RequestMemory(20_000); // a body takes 16 KiB at least
        using (var other = memory.Rent())
        {
            Assert.True(other.TryAppend(new byte[300]));
            var call = await new GrpcExchange { Memory = memory }.SendAsync(GrpcExchange.Frame(0, new byte[500]));
            Assert.Equal(Code(GrpcStatusCode.Unavailable), call.Status);
            Assert.True(call.StatusHeaders.ContainsKey("grpc-status-details-bin"));
        }

        Assert.Equal(0, memory.InflightBytes);
        var never = await new GrpcExchange { Memory = new RequestMemory(1000) }.SendAsync(GrpcExchange.Frame(0, new byte[500]));
        Assert.Equal(Code(GrpcStatusCode.ResourceExhausted), never.Status);
        Assert.False(never.StatusHeaders.ContainsKey("grpc-status-details-bin")); // no RetryInfo: not to be tried again
        Assert.Contains("distributor.max_inflight_bytes", never.Message, StringComparison.Ordinal);
    }
}
