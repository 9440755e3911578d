using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Grpc.Querier;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Grpc;

public class SearchMessageTests
{
    [Fact]
    public void EveryFieldIsReadAndOthersArePassedOver()
    {
        byte[] message =
        [
            0x0a, 6, 0x0a, 1, (byte)'k', 0x12, 1, (byte)'v', // Tags
            0x10, 5, 0x18, 6, 0x20, 7, 0x28, 8, 0x30, 9, // durations, limit, start, end
            0x42, 2, (byte)'{', (byte)'}', 0x48, 10, // query, spans per span set
            0x52, 2, 0x08, 1, // a deprecated message
            0x5a, 1, (byte)'x', // skipASTTransformations
        ];
        Assert.True(SearchMessage.TryRead(message, out var input, out _));
        Assert.Equal(("k", "v"), Assert.Single(input.Tags));
        Assert.Equal(
            (5_000_000, 6_000_000, 7u, 8u, 9u, "{}", 10u),
            (input.MinDurationNano, input.MaxDurationNano, input.Limit, input.Start, input.End, input.Query, input.SpansPerSpanSet));
    }

    [Theory]
    [InlineData(new byte[] { 0x42, 5, (byte)'a' })]
    [InlineData(new byte[] { 0x20 })]
    [InlineData(new byte[] { 0x0f })]
    public void ADamagedMessageIsNamed(byte[] message)
    {
        Assert.False(SearchMessage.TryRead(message, out _, out var error));
        Assert.StartsWith("grpc: error unmarshalling request: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void PacketsHoldEveryTraceOnceInOrderAndStayBelowTheSize()
    {
        const int maxBytes = 400;
        List<TraceSearchResult> traces = [.. Enumerable.Range(1, 50).Select(i => new TraceSearchResult
        {
            TraceId = new TraceId(0, (ulong)i), RootTraceName = new string('n', i == 20 ? 1000 : i * 3), StartTimeUnixNano = 1,
            DurationMs = 1,
        })];
        var (next, packets) = (0, new List<byte[]>());
        while (next < traces.Count)
        {
            using var packet = new NativeBuffer();
            var first = next;
            next = SearchProtobuf.WritePacket(traces, first, new SearchMetrics { CompletedJobs = 1 }, true, maxBytes, packet);
            Assert.True(next > first);
            if (next > first + 1) Assert.InRange(packet.Length, 1, maxBytes + 10);
            packets.Add(packet.Written.ToArray());
        }

        // Cut differently, the traces are the same bytes.
        using var whole = new NativeBuffer();
        SearchProtobuf.WritePacket(traces, 0, new SearchMetrics { CompletedJobs = 1 }, true, int.MaxValue, whole);
        byte[] metrics = [0x12, 2, 0x20, 1];
        Assert.All(packets, packet => Assert.True(packet.AsSpan().EndsWith(metrics), Encoding.UTF8.GetString(packet)));
        byte[] joined = [.. packets.SelectMany(packet => packet[..^metrics.Length]), .. metrics];
        Assert.Equal(whole.Written.ToArray(), joined);
    }
}
