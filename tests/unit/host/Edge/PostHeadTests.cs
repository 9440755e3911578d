using System.Text;
using Tempo.Host.Edge;
using Xunit;

namespace Tempo.Host.Tests.Edge;

public class PostHeadTests
{
    private const string Line = "POST /v1/traces HTTP/1.1\r\n";
    private const string Least = "Host: x\r\nContent-Length: 12\r\nContent-Type: application/x-protobuf\r\n";

    private static readonly PostShape Shape = PostShape.Otlp("/v1/traces");

    private static HeadKind Read(string text, out PostHead head) => PostHead.Read(Encoding.Latin1.GetBytes(text), Shape, out head);

    [Theory]
    [InlineData(Least)]
    [InlineData("host: a-b.example:4318\r\nCONTENT-LENGTH:12\r\ncontent-type:  application/X-protobuf  \r\n")]
    [InlineData("User-Agent: OTel-OTLP-Exporter-JavaScript/0.2 (x; y=\"z\")\r\nAccept: */*\r\nConnection: Keep-Alive\r\ntraceparent: 00-1-2-01\r\nX:\r\n" + Least)]
    public void WhatExportersSendIsPlain(string headers)
    {
        var text = Line + headers + "\r\n";
        Assert.Equal(HeadKind.Plain, Read(text + "twelve bytes and more", out var head));
        Assert.Equal(new PostHead(text.Length, 12, 0, -1), head);
    }

    [Fact]
    public void NothingIsSaidBeforeTheEmptyLine()
    {
        var text = Line + Least + "\r\n";
        for (var length = 0; length < text.Length; length++) Assert.Equal(HeadKind.Incomplete, Read(text[..length], out _));
        Assert.Equal(HeadKind.Plain, Read(text, out _));
    }

    [Fact]
    public void TheTenantIsWhatStandsInItsHeader()
    {
        var text = Line + Least + "X-Scope-OrgID:  team a \r\n\r\n";
        Assert.Equal(HeadKind.Plain, Read(text, out var head));
        Assert.Equal("team a", text.Substring(head.SenderStart, head.SenderBytes));
        Assert.Equal(HeadKind.Plain, Read(Line + Least + "X-Scope-OrgID:\r\n\r\n", out head));
        Assert.Equal(0, head.SenderBytes);
    }

    [Theory]
    [InlineData("GET /v1/traces HTTP/1.1\r\n" + Least)]
    [InlineData("POST /v1/traces HTTP/1.0\r\n" + Least)]
    [InlineData("POST /v1/traces?x HTTP/1.1\r\n" + Least)]
    [InlineData("POST /v1/traces HTTP/1.1\n" + Least)]
    [InlineData("PRI * HTTP/2.0\r\n")]
    [InlineData(Line + "Content-Length: 12\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host: x\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host: x\r\nContent-Length: 12\r\n")]
    [InlineData(Line + "Host: x\r\n" + Least)]
    [InlineData(Line + "Content-Length: 12\r\n" + Least)]
    [InlineData(Line + "Content-Type: application/x-protobuf\r\n" + Least)]
    [InlineData(Line + "Host: a/b\r\nContent-Length: 12\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host: x:\r\nContent-Length: 12\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host:\r\nContent-Length: 12\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host: x\r\nContent-Length: 0\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host: x\r\nContent-Length: +12\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host: x\r\nContent-Length: 12,12\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host: x\r\nContent-Length: 9999999999\r\nContent-Type: application/x-protobuf\r\n")]
    [InlineData(Line + "Host: x\r\nContent-Length: 12\r\nContent-Type: application/json\r\n")]
    [InlineData(Line + "Host: x\r\nContent-Length: 12\r\nContent-Type: application/x-protobuf; a=b\r\n")]
    [InlineData(Line + Least + "Transfer-Encoding: chunked\r\n")]
    [InlineData(Line + Least + "Content-Encoding: gzip\r\n")]
    [InlineData(Line + Least + "Expect: 100-continue\r\n")]
    [InlineData(Line + Least + "Connection: close\r\n")]
    [InlineData(Line + Least + "Upgrade: h2c\r\n")]
    [InlineData(Line + Least + "X-Scope-OrgID: a\r\nX-Scope-OrgID: b\r\n")]
    [InlineData(Line + Least + "A : b\r\n")]
    [InlineData(Line + Least + "A: b\r\n c\r\n")]
    [InlineData(Line + Least + "A: b\nc\r\n")]
    [InlineData(Line + Least + "A: b\rc\r\n")]
    [InlineData(Line + Least + "A: \0\r\n")]
    [InlineData(Line + Least + "A: é\r\n")]
    [InlineData(Line + Least + "no colon\r\n")]
    [InlineData(Line + Least + ": no name\r\n")]
    public void WhatIsNotKnownForCertainIsNot(string text) => Assert.Equal(HeadKind.Other, Read(text + "\r\n", out _));

    [Fact]
    public void ManyHeadersAreNot() =>
        Assert.Equal(HeadKind.Other, Read(Line + Least + string.Concat(Enumerable.Repeat("A: b\r\n", 65)) + "\r\n", out _));
}
