using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Exporters;

/// <summary>Calls of @grpc/grpc-js, a real client, through tests/system/senders/grpc-call.mjs.</summary>
internal static class GrpcProgram
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>The folder of the .proto files that the server itself answers reflection from.</summary>
    private static readonly string Protos = Path.Combine(Repository.Root, "native-host/Grpc/Protos");

    /// <summary>What the client saw.</summary>
    public sealed record Call(IReadOnlyList<JsonElement> Messages, int Code, string Details, JsonElement Trailers);

    /// <param name="file">A .proto file of the repository.</param>
    /// <param name="address">Host and port.</param>
    /// <param name="method">package.Service/Method.</param>
    /// <param name="request">The request, as proto-loader reads it.</param>
    /// <param name="options">metadata, deadlineMs, cancelAfter.</param>
    public static async Task<Call> CallAsync(string file, string address, string method, JsonObject request, JsonObject? options = null)
    {
        var run = await ProgramRun.ToEndAsync(
            "node", [Path.Combine(Repository.Senders, "grpc-call.mjs"), Protos, file, address, method, request.ToJsonString(),
                (options ?? []).ToJsonString()], Limit);
        Assert.True(run.ExitCode == 0, $"grpc-call.mjs ended with {run.ExitCode}: {run.Errors}");
        var printed = JsonDocument.Parse(run.Output).RootElement;
        return new Call([.. printed.GetProperty("messages").EnumerateArray()], printed.GetProperty("code").GetInt32(),
            printed.GetProperty("details").GetString()!, printed.GetProperty("trailers"));
    }

    /// <summary>A call of a method that was learned from the server's reflection; also the services that it names.</summary>
    public static async Task<(string[] Services, Call Call)> ReflectAsync(string address, string version, string method, JsonObject request)
    {
        var run = await ProgramRun.ToEndAsync(
            "node", [Path.Combine(Repository.Senders, "grpc-reflect.mjs"), Protos, address, version, method, request.ToJsonString()],
            Limit);
        Assert.True(run.ExitCode == 0, $"grpc-reflect.mjs ended with {run.ExitCode}: {run.Errors}");
        var printed = JsonDocument.Parse(run.Output).RootElement;
        var call = new Call([.. printed.GetProperty("messages").EnumerateArray()], printed.GetProperty("code").GetInt32(),
            printed.GetProperty("details").GetString()!, default);
        return ([.. printed.GetProperty("services").EnumerateArray().Select(s => s.GetString()!)], call);
    }
}
