using System.Net.Sockets;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>How the binary starts, and how it refuses to.</summary>
public sealed class StartTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-start-").FullName;

    /// <summary>Asked without a pause, so that the moment between one port and the next, if there is one, is not slept through.</summary>
    [Fact]
    public async Task Ready_means_that_the_receivers_can_be_connected_to()
    {
        await using var tempo = TempoProcess.Prepare();
        for (var start = 0; start < 10; start++)
        {
            tempo.StartWithoutWaiting();
            while (await tempo.Api.ReadyStatusAsync() != 200) Assert.False(tempo.HasEnded, tempo.Log);
            foreach (var port in new[] { tempo.Ports.OtlpHttp, tempo.Ports.OtlpGrpc })
            {
                using var connection = new TcpClient();
                await connection.ConnectAsync("127.0.0.1", port);
            }

            Assert.Equal(0, await tempo.StopAsync());
        }
    }

    [Fact]
    public async Task A_configuration_that_could_not_start_is_not_verified()
    {
        var config = Path.Combine(_folder, "part.yaml");
        await File.WriteAllTextAsync(config, "target: querier\n");
        var run = await RunAsync($"-config.file={config}", "-config.verify=true");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("target querier is a part of a ring, and none is configured", run.Everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_process_on_the_same_data_refuses_to_start()
    {
        await using var first = await TempoProcess.StartAsync();
        var config = Path.Combine(_folder, "second.yaml");
        await File.WriteAllTextAsync(config, new TempoSettings().Yaml(TempoPorts.Free(), first.DataFolder));

        var second = await RunAsync($"-config.file={config}");
        Assert.Equal(1, second.ExitCode);
        Assert.Contains(first.DataFolder, second.Everything, StringComparison.Ordinal);
        Assert.Equal(200, await first.Api.ReadyStatusAsync());
    }

    /// <summary>Two logs on one folder of blocks: each process would compact and delete what the other reads.</summary>
    [Fact]
    public async Task A_second_process_on_the_same_blocks_with_a_log_of_its_own_refuses_to_start()
    {
        await using var first = await TempoProcess.StartAsync();
        var config = Path.Combine(_folder, "second.yaml");
        var yaml = new TempoSettings().Yaml(TempoPorts.Free(), first.DataFolder)
            .Replace($"{first.DataFolder}/wal", $"{_folder}/wal", StringComparison.Ordinal);
        await File.WriteAllTextAsync(config, yaml);

        var second = await RunAsync($"-config.file={config}");
        Assert.Equal(1, second.ExitCode);
        Assert.Contains($"{first.BlocksFolder} are in use", second.Everything, StringComparison.Ordinal);
        Assert.Equal(200, await first.Api.ReadyStatusAsync());
    }

    [Fact]
    public async Task A_port_that_is_taken_ends_the_start_with_its_number()
    {
        await using var first = await TempoProcess.StartAsync();
        var ports = TempoPorts.Free() with { OtlpGrpc = first.Ports.OtlpGrpc };
        var config = Path.Combine(_folder, "taken.yaml");
        await File.WriteAllTextAsync(config, new TempoSettings().Yaml(ports, Path.Combine(_folder, "data")));

        var second = await RunAsync($"-config.file={config}");
        Assert.Equal(1, second.ExitCode);
        Assert.Contains(
            first.Ports.OtlpGrpc.ToString(System.Globalization.CultureInfo.InvariantCulture), second.Everything, StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string[]> BadConfigs() => new()
    {
        { "unknown key", "server:\n  http_listen_port: 3200\nfoo: 1\n", ["line 3", "foo"] },
        { "unknown nested key", "server:\n  http_port: 3200\n", ["line 2", "http_port"] },
        { "wrong type", "server:\n  http_listen_port: abc\n", ["line 2", "abc"] },
        { "bad duration", "live_store:\n  max_block_duration: 5x\n", ["line 2", "5x"] },
        { "not YAML", "server: [\nfoo: ]\n", ["line"] },
        { "duplicate key", "target: all\ntarget: all\n", ["line 2", "target"] },
        { "unknown backend", "storage:\n  trace:\n    backend: floppy\n", ["floppy"] },
        { "unknown block version", "storage:\n  trace:\n    block:\n      version: v2\n", ["v2"] },
        { "unknown target", "target: bogus\n", ["bogus"] },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public async Task A_bad_configuration_is_named_with_its_line_before_anything_is_touched(string what, string yaml, string[] named)
    {
        var config = Path.Combine(_folder, "bad.yaml");
        var data = Path.Combine(_folder, "data");
        await File.WriteAllTextAsync(config, yaml);

        var run = await RunAsync($"-config.file={config}", $"-storage.path={data}");
        Assert.True(run.ExitCode == 1, $"{what}: exit {run.ExitCode}: {run.Everything}");
        Assert.All(named, text => Assert.Contains(text, run.Everything, StringComparison.Ordinal));
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task A_missing_configuration_is_named()
    {
        var run = await RunAsync("-config.file=/nonexistent/tempo.yaml");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("/nonexistent/tempo.yaml", run.Everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_flag_is_a_usage_error()
    {
        var run = await RunAsync("-foo");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("flag provided but not defined: -foo", run.Everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_checks_a_configuration_and_ends()
    {
        var config = Path.Combine(_folder, "good.yaml");
        await File.WriteAllTextAsync(config, new TempoSettings().Yaml(TempoPorts.Free(), Path.Combine(_folder, "data")));
        Assert.Equal(0, (await RunAsync($"-config.file={config}", "-config.verify=true")).ExitCode);

        await File.WriteAllTextAsync(config, "foo: 1\n");
        Assert.Equal(1, (await RunAsync($"-config.file={config}", "-config.verify=true")).ExitCode);
    }

    [Fact]
    public async Task Version_says_what_this_binary_is()
    {
        var run = await RunAsync("-version");
        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("tempo, version ", run.Output, StringComparison.Ordinal);
        Assert.Contains("revision: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("compilation: ", run.Output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Task<ProgramRun> RunAsync(params string[] flags) => ProgramRun.ToEndAsync(Repository.Binary, flags, Limit);
}
