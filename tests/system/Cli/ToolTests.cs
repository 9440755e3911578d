using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Cli;

/// <summary>The verbs of the binary over the folder that a server of the same binary has written.</summary>
public sealed class ToolTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("vParquet5", "vParquet4")]
    [InlineData("vParquet4", "vParquet5")]
    public async Task What_a_server_wrote_is_sound_is_shown_and_is_converted(string version, string other)
    {
        await using var tempo = TempoProcess.Prepare(new TempoSettings { BlockVersion = version });
        await tempo.StartAsync();
        var spans = Spans.NewTrace(7).Concat(Spans.NewTrace(3)).ToArray();
        using (var client = new GrpcClient(tempo.OtlpGrpcUrl)) Assert.Equal(GrpcAnswer.Ok, (await client.ExportAsync(ExportRequest.Encode(spans))).Status);
        await tempo.Api.FlushAsync();
        await tempo.StopAsync();

        Assert.Matches($"{version} .*\n1 blocks, 2 traces", await RunAsync(0, "list", "blocks", "--path", tempo.BlocksFolder, "single-tenant"));
        Assert.Contains("1 blocks, 0 problems", await RunAsync(0, "verify", "--path", tempo.BlocksFolder, "single-tenant"), StringComparison.Ordinal);
        var json = await RunAsync(0, "query", "trace-id", "--path", tempo.BlocksFolder, "single-tenant", spans[0].TraceId);
        using (var document = JsonDocument.Parse(json)) SpanFacts.AssertSame(spans.Where(span => span.TraceId == spans[0].TraceId), TraceJson.SpansOfTrace(document.RootElement));

        var converted = Path.Combine(tempo.Folder, "converted");
        Assert.Contains($" {other} ", await RunAsync(0, "convert", "--path", tempo.BlocksFolder, "--out", converted, "--format", other, "single-tenant"), StringComparison.Ordinal);
        Assert.Contains("1 blocks, 0 problems", await RunAsync(0, "verify", "--path", converted, "single-tenant"), StringComparison.Ordinal);

        // A server over the converted blocks, with blocks of two formats once it has written its own.
        Directory.Delete(tempo.BlocksFolder, recursive: true);
        Directory.Move(converted, tempo.BlocksFolder);
        await tempo.StartAsync();
        SpanFacts.AssertSame(spans.Where(span => span.TraceId == spans[0].TraceId), await tempo.Api.FindTraceAsync(spans[0].TraceId));
    }

    [Fact]
    public async Task A_wrong_verb_ends_with_2_and_the_usage() =>
        Assert.Contains("tempo analyse block", await RunAsync(2, "lst", "blocks"), StringComparison.Ordinal);

    private static async Task<string> RunAsync(int exitCode, params string[] arguments)
    {
        var run = await ProgramRun.ToEndAsync(Repository.Binary, arguments, Limit);
        Assert.True(run.ExitCode == exitCode, $"exit code {run.ExitCode}: {run.Everything}");
        return run.Everything;
    }
}
