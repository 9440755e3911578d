using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Exporters;

/// <summary>The programs in tests/system/senders.</summary>
internal static class NodeProgram
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>What send.mjs says of one call of its exporter.</summary>
    /// <param name="Delivered">The exporter calls it delivered.</param>
    public sealed record Batch(bool Delivered, string Error, IReadOnlyList<SpanFacts> Spans);

    public sealed record Sent(IReadOnlyList<Batch> Batches, IReadOnlyList<string> Warnings)
    {
        public IEnumerable<SpanFacts> Spans => Batches.SelectMany(batch => batch.Spans);
    }

    /// <param name="protocol">grpc, proto or json.</param>
    public static Task<Sent> SendAsync(string protocol, TempoProcess tempo, string spec) =>
        SendAsync(protocol, protocol == "grpc" ? tempo.OtlpGrpcUrl : tempo.OtlpHttpUrl, spec);

    /// <param name="protocol">grpc, proto or json.</param>
    /// <param name="onRetry">Called each time the exporter has failed and is going to try again.</param>
    public static async Task<Sent> SendAsync(string protocol, string url, string spec, Action? onRetry = null)
    {
        using var printed = await RunAsync("send.mjs", [protocol, url, Path.Combine(Repository.Senders, spec)], line =>
        {
            if (line == "retrying") onRetry?.Invoke();
        });
        var batches = printed.RootElement.GetProperty("batches").EnumerateArray().Select(batch => new Batch(
            batch.GetProperty("ok").GetBoolean(), batch.GetProperty("error").GetString()!,
            TraceJson.SpansOfNodeProgram(batch.GetProperty("spans"))));
        return new Sent([.. batches], [.. printed.RootElement.GetProperty("warnings").EnumerateArray().Select(w => w.GetString()!)]);
    }

    /// <summary>A trace sent by another protocol's library, see send-foreign.mjs.</summary>
    public static Task<JsonDocument> SendForeignAsync(string kind, string target) => RunAsync("send-foreign.mjs", [kind, target]);

    /// <summary>Every span of the blocks, as <paramref name="reader"/> (hyparquet, duckdb) reads them.</summary>
    public static async Task<IReadOnlyList<SpanFacts>> ReadBlocksAsync(string reader, string[] dataFiles)
    {
        using var printed = await RunAsync($"read-{reader}.mjs", dataFiles);
        return TraceJson.SpansOfNodeProgram(printed.RootElement);
    }

    private static async Task<JsonDocument> RunAsync(string script, string[] arguments, Action<string>? onErrorLine = null)
    {
        Assert.True(Directory.Exists(Path.Combine(Repository.Senders, "node_modules")),
            "tests/system/senders/node_modules is missing: ./build.ps1 test installs it, or npm ci there");
        var run = await ProgramRun.ToEndAsync("node", [Path.Combine(Repository.Senders, script), .. arguments], Limit, onErrorLine);
        Assert.True(run.ExitCode == 0, $"{script} ended with {run.ExitCode}: {run.Errors}");
        return JsonDocument.Parse(run.Output);
    }
}
