using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class TraceByIdTests
{
    private static bool TryParse(string id, string query, out TraceByIdParameters parameters, out string error) =>
        TraceByIdParameters.TryParse(id, new QueryCollection(QueryHelpers.ParseQuery(query)), out parameters, out error);

    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("1aF", 0, 0x1af)]
    [InlineData("123456789abcdef0123456789ABCDEF0", 0x123456789abcdef0, 0x123456789abcdef0)]
    public void ShortIdsArePaddedOnTheLeft(string text, ulong high, ulong low)
    {
        Assert.True(TryParse(text, "start=5&mode=blocks&blockStart=00000000-0000-0000-0000-000000000000", out var p, out _));
        Assert.Equal((new TraceId(high, low), 5, 0, false), (p.Id, p.StartSeconds, p.EndSeconds, p.IsExternalMode));
    }

    [Theory]
    [InlineData("123x", "", "trace IDs can only contain hex characters: invalid character 'x' at position 4")]
    [InlineData("12 ", "", "trace IDs can only contain hex characters: invalid character ' ' at position 3")]
    [InlineData("000000000000000000000000000000001", "", "trace IDs can't be larger than 128 bits")]
    [InlineData("1", "start=x", "invalid start: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("1", "end=1.5", "invalid end: strconv.ParseInt: parsing \"1.5\": invalid syntax")]
    [InlineData("1", "start=10&end=5", "http parameter start must be before end. received start=10 end=5")]
    [InlineData("1", "start=5&end=5", "http parameter start must be before end. received start=5 end=5")]
    [InlineData("1", "mode=recent", "invalid value for mode recent")]
    [InlineData("1", "blockStart=a", "invalid value for blockstart: invalid UUID length: 1")]
    [InlineData("1", "blockEnd=a", "invalid value for blockEnd: invalid UUID length: 1")]
    public void Errors(string id, string query, string expected)
    {
        Assert.False(TryParse(id, query, out _, out var error));
        Assert.Equal(expected, error);
    }

    [Fact]
    public void NothingFoundStillHasTraceAndMetrics()
    {
        var nothing = new TraceAnswer(default, 0, false, "");
        var output = new ArrayBufferWriter<byte>();
        TraceByIdBody.WriteProtobufV2(nothing, output);
        Assert.Equal([0x0a, 0, 0x12, 0], output.WrittenSpan.ToArray());
        output.Clear();
        TraceByIdBody.WriteJsonV2(nothing, output);
        Assert.Equal("""{"trace":{},"metrics":{}}""", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void APartialAnswerSaysSo()
    {
        // ResourceSpans { ScopeSpans { Span { name: "n" } } }
        var partial = new TraceAnswer(new byte[] { 0x0a, 7, 0x12, 5, 0x12, 3, 0x2a, 1, (byte)'n' }, 300, true, "why");
        var output = new ArrayBufferWriter<byte>();
        TraceByIdBody.WriteProtobufV2(partial, output);
        Assert.Equal([0x0a, 9, .. partial.Trace.ToArray(), 0x12, 3, 0x08, 0xac, 2, 0x18, 1, 0x22, 3, .. "why"u8], output.WrittenSpan.ToArray());
        output.Clear();
        TraceByIdBody.WriteJsonV2(partial, output);
        var json = Encoding.UTF8.GetString(output.WrittenSpan);
        Assert.StartsWith("{\"trace\":{\"resourceSpans\":[", json, StringComparison.Ordinal);
        Assert.EndsWith(""","metrics":{"inspectedBytes":"300"},"status":"PARTIAL","message":"why"}""", json, StringComparison.Ordinal);
    }
}
