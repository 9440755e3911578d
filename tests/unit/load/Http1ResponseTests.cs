using System.Text;
using Tempo.Perf.Load.Transport;
using Xunit;

namespace Tempo.Perf.Load.Tests;

public class Http1ResponseTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\ncontent-length:  4 \r\n\r\nabcd", 200, "abcd", false)]
    [InlineData("HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\nConnection: Close\r\n\r\n4\r\nslow\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", 429, "slow", true)]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", 204, "", false)]
    public void A_response_is_taken_once_it_is_whole(string text, int status, string body, bool closes)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        for (int length = 0; length < bytes.Length; length++)
            Assert.False(Http1Response.TryParse(bytes.AsSpan(0, length), out _), $"taken after {length} bytes");

        Assert.True(Http1Response.TryParse([.. bytes, .. "HTTP/1.1 500"u8], out Http1Response response));
        Assert.Equal((status, body, closes, bytes.Length),
            (response.Status, Encoding.ASCII.GetString(response.Body), response.Closes, response.ByteCount));
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2 hello\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    public void What_is_no_response_is_an_error(string text) =>
        Assert.Throws<TransportException>(() => Http1Response.TryParse(Encoding.ASCII.GetBytes(text), out _));

    [Theory]
    [InlineData("", 0)]
    [InlineData("0a020803", 3)]
    [InlineData("0a0608031202686f", 3)]
    [InlineData("0a7f0803", 0)]
    public void Rejected_spans_are_read(string hex, long rejected) =>
        Assert.Equal(rejected, PartialSuccess.RejectedSpans(Convert.FromHexString(hex)));
}
