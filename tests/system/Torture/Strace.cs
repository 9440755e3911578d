using System.Diagnostics;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture;

/// <summary>
/// Faults in the unmodified binary by strace: a system call is answered with an error or ended with a signal, on the Nth time
/// that a thread makes it.
/// </summary>
internal static class Strace
{
    /// <summary>The program with which the server starts under the fault; the process stays the server's own.</summary>
    public static string[] Launcher(string call, string fault) =>
        ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:{fault}"];

    /// <summary>The fault from now on, until the result is disposed or the server ends.</summary>
    public static async Task<IDisposable> AttachAsync(TempoProcess tempo, string call, string fault)
    {
        var process = Process.Start(
            new ProcessStartInfo(
                "strace", ["-f", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:{fault}", "-p", $"{tempo.ProcessId}"])
            {
                RedirectStandardError = true,
            })!;
        // "Process 1 attached with 20 threads", or why it could not.
        var said = await process.StandardError.ReadLineAsync();
        Assert.True(said?.Contains("attached", StringComparison.Ordinal), $"strace: {said}");
        _ = process.StandardError.ReadToEndAsync();
        return new Attached(process);
    }

    /// <summary>Skips the test where strace is not installed or may not trace.</summary>
    public static void Need() =>
        Assert.SkipUnless(File.Exists("/usr/bin/strace") && Environment.IsPrivilegedProcess, "needs strace and root");

    private sealed class Attached(Process process) : IDisposable
    {
        public void Dispose()
        {
            if (!process.HasExited) Signals.Interrupt(process);
            process.WaitForExit();
            process.Dispose();
        }
    }
}
