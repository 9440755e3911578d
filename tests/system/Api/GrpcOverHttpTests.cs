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
}
