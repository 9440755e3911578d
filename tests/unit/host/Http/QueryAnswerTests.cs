using System.Buffers;
using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class QueryAnswerTests
{
    [Theory]
    [InlineData("gzip", 1024, true)]
    [InlineData("br, GZIP;q=0.5", 1024, true)]
    [InlineData("gzip", 1023, false)]
    [InlineData("gzip;q=0", 1024, false)]
    [InlineData("br", 1024, false)]
    [InlineData("", 1024, false)]
    public async Task LongAnswersAreCompressedForWhoTakesIt(string acceptEncoding, int size, bool isCompressed)
    {
        var context = new DefaultHttpContext { Response = { Body = new MemoryStream() } };
        context.Request.Headers.AcceptEncoding = acceptEncoding;
        byte[] content = [.. Enumerable.Repeat((byte)'a', size)];
        using var body = new AnswerBuffer();
        body.Write(content);
        await QueryAnswer.WriteAsync(context, QueryAnswer.Json, body);
        Assert.Equal((isCompressed ? "gzip" : "", "Accept-Encoding"),
            (context.Response.Headers.ContentEncoding.ToString(), context.Response.Headers.Vary.ToString()));
        context.Response.Body.Position = 0;
        using var received = new MemoryStream();
        await (isCompressed ? new GZipStream(context.Response.Body, CompressionMode.Decompress) : context.Response.Body).CopyToAsync(
            received, TestContext.Current.CancellationToken);
        Assert.Equal(content, received.ToArray());
    }
}
