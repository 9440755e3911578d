using System.Diagnostics;
using System.Text;

namespace Tempo.SystemTests.Server;

/// <summary>
/// A server of somebody else, of the distribution's package, that runs beside ours. What it writes is kept for the failure.
/// </summary>
internal sealed class Daemon(string program) : IDisposable
{
    private readonly StringBuilder _log = new();
    private Process? _process;

    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    /// <summary>Returns once it says that it is ready; until then its connections may break.</summary>
    public async Task StartAsync(IEnumerable<string> arguments, Func<Task<bool>> isReady)
    {
        var process =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _process = process;
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        await Eventually.HoldsAsync($"{program} is ready", async () =>
        {
            if (process.HasExited) throw new InvalidOperationException($"{program} ended with {process.ExitCode}:\n{Log}");
            try
            {
                return await isReady();
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                return false;
            }
        });
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        Signals.Kill(_process!);
        await _process!.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>kill -9 if it runs.</summary>
    public async Task EndAsync()
    {
        if (_process is { HasExited: false }) await KillAsync();
    }

    public void Dispose() => _process?.Dispose();

    private void Keep(string? line)
    {
        lock (_log) _log.AppendLine(line);
    }
}
