using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Grpc;
using Tempo.Host.Grpc.Querier;
using Tempo.Host.Http;
using Tempo.Host.Telemetry;
using Xunit;

namespace Tempo.Host.Tests.Http;

/// <summary>How a query that ends badly is told, over HTTP and over gRPC.</summary>
public class QueryErrorTests
{
    [Theory]
    [InlineData(QueryErrorKind.BadRequest, 400, null)] // gRPC: as the method says
    [InlineData(QueryErrorKind.NotImplemented, 501, GrpcStatusCode.Unimplemented)]
    [InlineData(QueryErrorKind.TooLarge, 422, GrpcStatusCode.ResourceExhausted)]
    [InlineData(QueryErrorKind.Busy, 429, GrpcStatusCode.ResourceExhausted)]
    [InlineData(QueryErrorKind.Timeout, 504, GrpcStatusCode.DeadlineExceeded)]
    public async Task EachKindHasItsStatus(QueryErrorKind kind, int status, GrpcStatusCode? code)
    {
        var context = new DefaultHttpContext { Response = { Body = new MemoryStream() } };
        await QueryAnswer.WriteErrorAsync(context, new QueryException(kind, "why"));
        Assert.Equal((status, "text/plain; charset=utf-8", kind == QueryErrorKind.Busy ? "1" : ""),
            (context.Response.StatusCode, context.Response.ContentType, context.Response.Headers.RetryAfter.ToString()));
        context.Response.Body.Position = 0;
        Assert.Equal("why", await new StreamReader(context.Response.Body).ReadToEndAsync(TestContext.Current.CancellationToken));
        if (code is not null) Assert.Equal(code, QuerierCall.Code(kind));
    }

    [Fact]
    public void NoKindIsForgotten() => Assert.Equal(5, Enum.GetValues<QueryErrorKind>().Length);

    [Fact]
    public async Task AClientThatWentAwayIs499InTheMetrics()
    {
        var registry = new MetricRegistry();
        var context = new DefaultHttpContext { RequestAborted = new CancellationToken(canceled: true) };
        context.Request.Method = "GET";
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new RequestMetrics(registry).ObserveAsync(
            context, "api_search", Task.FromCanceled(context.RequestAborted), 0, TimeProvider.System));
        var text = new System.Buffers.ArrayBufferWriter<byte>();
        registry.WriteTo(text);
        Assert.Contains(
            "route=\"api_search\",status_code=\"499\"", System.Text.Encoding.UTF8.GetString(text.WrittenSpan), StringComparison.Ordinal);
    }
}
