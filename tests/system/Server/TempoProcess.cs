using System.Diagnostics;
using System.Text;

namespace Tempo.SystemTests.Server;

/// <summary>The real binary on ports and in a folder of its own. It can be ended in each way a process can end, and
/// started again on the same ports and data.</summary>
public sealed class TempoProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = Eventually.Limit;
    private static readonly TimeSpan StopLimit = Eventually.Limit;

    private readonly StringBuilder _log = new();
    private Process? _process;
    private volatile bool _isEnding;

    private readonly bool _damagesBlocks;

    private TempoProcess(TempoSettings settings)
    {
        _damagesBlocks = settings.DamagesBlocks;
        Folder = Directory.CreateTempSubdirectory("tempo-system-").FullName;
        Ports = TempoPorts.Free();
        ConfigFile = Path.Combine(Folder, "tempo.yaml");
        File.WriteAllText(ConfigFile, settings.Yaml(Ports, DataFolder));
        Api = new TempoApi(new Uri($"http://127.0.0.1:{Ports.Api}"));
    }

    public TempoPorts Ports { get; }

    /// <summary>
    /// Holds the configuration file and the data; deleted with this object, after every block in it was verified, whichever way the
    /// process ended.
    /// </summary>
    public string Folder { get; }

    public string ConfigFile { get; }

    public string DataFolder => Path.Combine(Folder, "data");

    public string BlocksFolder => Path.Combine(DataFolder, "blocks");

    public TempoApi Api { get; }

    /// <summary>A program and its first arguments that starts the binary, and becomes it; none usually.</summary>
    public IReadOnlyList<string> Launcher { get; set; } = [];

    /// <summary>More flags.</summary>
    public IReadOnlyList<string> Flags { get; set; } = [];

    /// <summary>More of its environment.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    public int ProcessId => _process!.Id;

    /// <summary>True from just before the signal that ends the process until the next start: connections may break now.</summary>
    public bool IsEnding => _isEnding;

    /// <summary>True if it was started and is no longer there.</summary>
    public bool HasEnded => _process is { HasExited: true };

    /// <summary>Host and port of the gRPC query API.</summary>
    public string ApiGrpcAddress => $"127.0.0.1:{Ports.ApiGrpc}";

    public string ApiAddress => $"127.0.0.1:{Ports.Api}";

    public string OtlpGrpcUrl => $"http://127.0.0.1:{Ports.OtlpGrpc}";

    public string OtlpHttpUrl => $"http://127.0.0.1:{Ports.OtlpHttp}/v1/traces";

    public string ZipkinUrl => $"http://127.0.0.1:{Ports.Zipkin}";

    public string JaegerHttpUrl => $"http://127.0.0.1:{Ports.JaegerHttp}";

    public string JaegerGrpcUrl => $"http://127.0.0.1:{Ports.JaegerGrpc}";

    /// <summary>All that the server has written to its streams, over all its starts.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    /// <summary>A prepared server that is not running yet.</summary>
    public static TempoProcess Prepare(TempoSettings? settings = null) => new(settings ?? new TempoSettings());

    /// <summary>A server that says it is ready.</summary>
    public static async Task<TempoProcess> StartAsync(TempoSettings? settings = null)
    {
        var tempo = Prepare(settings);
        await tempo.StartAsync();
        return tempo;
    }

    public async Task StartAsync()
    {
        StartWithoutWaiting();
        await WaitUntilReadyAsync();
    }

    public void StartWithoutWaiting()
    {
        Assert.True(
            File.Exists(Repository.Binary), $"no binary at {Repository.Binary}: run ./build.ps1 publish, or name one in TEMPO_BINARY");
        Directory.CreateDirectory(DataFolder);
        _isEnding = false;
        string[] command = [.. Launcher, Repository.Binary, $"-config.file={ConfigFile}", .. Flags];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Variables) start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public async Task WaitUntilReadyAsync()
    {
        if (!await IsReadyUnlessItEndsAsync())
            throw new InvalidOperationException($"tempo ended with {_process!.ExitCode} before it was ready:\n{Log}");
    }

    /// <returns>False if it ended before it was ready.</returns>
    public async Task<bool> IsReadyUnlessItEndsAsync()
    {
        var clock = Stopwatch.StartNew();
        while (await Api.ReadyStatusAsync() != 200)
        {
            if (HasEnded) return false;
            if (clock.Elapsed > StartLimit) throw new TimeoutException($"tempo was not ready after {StartLimit.TotalSeconds} s:\n{Log}");
            await Task.Delay(10);
        }

        return true;
    }

    /// <summary>It does not start, and says why.</summary>
    public async Task ExpectRefusalAsync(string why)
    {
        StartWithoutWaiting();
        var exitCode = await EndedAsync();
        Assert.True(exitCode == 1 && Log.Contains(why, StringComparison.Ordinal), $"it ended with {exitCode}:\n{Log}");
    }

    /// <summary>kill -9, and waits until the process is gone.</summary>
    public async Task KillAsync()
    {
        if (_process!.HasExited) throw new InvalidOperationException($"tempo ended by itself with {_process.ExitCode}:\n{Log}");
        _isEnding = true;
        Signals.Kill(_process);
        await EndedAsync();
    }

    /// <summary>SIGSTOP, and waits until no thread does anything more until it is killed.</summary>
    public Task FreezeAsync()
    {
        _isEnding = true;
        Signals.Pause(_process!);
        return Eventually.HoldsAsync("every thread stands still", () => Signals.IsAtRest(_process!));
    }

    /// <summary>It stands still until <see cref="Continue"/>.</summary>
    public void Pause() => Signals.Pause(_process!);

    public void Continue() => Signals.Continue(_process!);

    /// <summary>SIGTERM, without waiting for what it does.</summary>
    public void Terminate()
    {
        _isEnding = true;
        Signals.Terminate(_process!);
    }

    /// <summary>SIGTERM, and the exit code.</summary>
    public Task<int> StopAsync()
    {
        Terminate();
        return EndedAsync();
    }

    /// <summary>Waits for the end of the process; its exit code.</summary>
    public async Task<int> EndedAsync()
    {
        using var patience = new CancellationTokenSource(StopLimit);
        try
        {
            await _process!.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"tempo was still running after {StopLimit.TotalSeconds} s:\n{Log}");
        }

        var exitCode = _process.ExitCode;
        _process.Dispose();
        _process = null;
        return exitCode;
    }

    /// <summary>The data.parquet files of the tenant's blocks that exist (meta.json is written last).</summary>
    public string[] BlockDataFiles(string tenant = "single-tenant") =>
        [.. Directory.EnumerateFiles(Path.Combine(BlocksFolder, tenant), "meta.json", SearchOption.AllDirectories)
            .Select(meta => Path.Combine(Path.GetDirectoryName(meta)!, "data.parquet")).Order(StringComparer.Ordinal)];

    /// <summary>Memory of the process that is in the machine's.</summary>
    public long ResidentMiB() => StatusMiB("VmRSS:");

    /// <summary>The most there was since the start.</summary>
    public long PeakResidentMiB() => StatusMiB("VmHWM:");

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false }) await KillAsync();
        _process?.Dispose();
        Api.Dispose();
        try
        {
            if (!_damagesBlocks) await BlockCheck.VerifyAsync(BlocksFolder);
        }
        finally
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    private long StatusMiB(string field)
    {
        var line = File.ReadLines($"/proc/{_process!.Id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line[field.Length..^2].Trim(), System.Globalization.CultureInfo.InvariantCulture) >> 10;
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_log) _log.AppendLine(line.Data);
    }
}
