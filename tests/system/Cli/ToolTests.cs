using System.Text.Json;
using Tempo.Engine.ObjectStore.Tests.Stub;
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
        using (var client = new GrpcClient(tempo.OtlpGrpcUrl))
            Assert.Equal(GrpcAnswer.Ok, (await client.ExportAsync(ExportRequest.Encode(spans))).Status);
        await tempo.Api.FlushAsync();
        await tempo.StopAsync();

        Assert.Matches(
            $"{version} .*\n1 blocks, 2 traces", await RunAsync(0, "list", "blocks", "--path", tempo.BlocksFolder, "single-tenant"));
        Assert.Contains(
            "1 blocks, 0 problems", await RunAsync(0, "verify", "--path", tempo.BlocksFolder, "single-tenant"), StringComparison.Ordinal);
        var json = await RunAsync(0, "query", "trace-id", "--path", tempo.BlocksFolder, "single-tenant", spans[0].TraceId);
        using (var document = JsonDocument.Parse(json))
            SpanFacts.AssertSame(spans.Where(span => span.TraceId == spans[0].TraceId), TraceJson.SpansOfTrace(document.RootElement));

        var converted = Path.Combine(tempo.Folder, "converted");
        Assert.Contains($" {other} ", await RunAsync(
            0, "convert", "--path", tempo.BlocksFolder, "--out", converted, "--format", other, "single-tenant"), StringComparison.Ordinal);
        Assert.Contains(
            "1 blocks, 0 problems", await RunAsync(0, "verify", "--path", converted, "single-tenant"), StringComparison.Ordinal);

        // A server over the converted blocks, with blocks of two formats once it has written its own.
        Directory.Delete(tempo.BlocksFolder, recursive: true);
        Directory.Move(converted, tempo.BlocksFolder);
        await tempo.StartAsync();
        SpanFacts.AssertSame(spans.Where(span => span.TraceId == spans[0].TraceId), await tempo.Api.FindTraceAsync(spans[0].TraceId));
    }

    /// <summary>The same over a bucket, by the server's own configuration file and by options.</summary>
    [Fact]
    public async Task Verbs_read_a_bucket()
    {
        using var s3 = new S3Stub();
        var endpoint = new Uri(s3.Url).Authority;
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings
        {
            Storage = $"    backend: s3\n    s3: {{bucket: b, prefix: traces, endpoint: {endpoint}, insecure: true, forcepathstyle: true, access_key: id, secret_key: secret}}\n",
        });
        var spans = Spans.NewTrace(7);
        using (var client = new GrpcClient(tempo.OtlpGrpcUrl))
            Assert.Equal(GrpcAnswer.Ok, (await client.ExportAsync(ExportRequest.Encode(spans))).Status);
        await tempo.Api.FlushAsync();
        await Eventually.HoldsAsync("the block is in the bucket",
            () => Task.FromResult(s3.Objects.Keys.Any(static name => name.EndsWith("/meta.json", StringComparison.Ordinal))));
        await tempo.StopAsync();

        string[] byFile = ["--config.file", Path.Combine(tempo.Folder, "tempo.yaml")];
        string[] byOptions = ["--backend", "s3", "--bucket", "b", "--prefix", "traces", "--s3-endpoint", endpoint, "--s3-user", "id",
            "--s3-pass", "secret", "--s3-insecure", "true"];
        foreach (var place in new[] { byFile, byOptions })
        {
            Assert.Contains(
                "1 blocks, 1 traces", await RunAsync(0, ["list", "blocks", .. place, "single-tenant"]), StringComparison.Ordinal);
            Assert.Contains("1 blocks, 0 problems", await RunAsync(0, ["verify", .. place, "single-tenant"]), StringComparison.Ordinal);
            var json = await RunAsync(0, ["query", "trace-id", .. place, "single-tenant", spans[0].TraceId]);
            using var document = JsonDocument.Parse(json);
            SpanFacts.AssertSame(spans, TraceJson.SpansOfTrace(document.RootElement));
        }

        var block = s3.Objects.Keys.First(static name => name.EndsWith("/meta.json", StringComparison.Ordinal)).Split('/')[^2];
        Assert.Contains("attributes with a column of their own", await RunAsync(0, ["analyse", "block", .. byFile, "single-tenant", block]),
            StringComparison.Ordinal);
        Assert.Contains("--backend: unknown backend", await RunAsync(1, "list", "blocks", "--backend", "tape", "single-tenant"),
            StringComparison.Ordinal);
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
