using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Tempo.SystemTests.Server;

internal static partial class Signals
{
    public static void Terminate(Process process) => Send(process, 15);

    /// <summary>SIGSTOP: it stands still, with its connections open.</summary>
    public static void Pause(Process process) => Send(process, 19);

    /// <summary>SIGCONT.</summary>
    public static void Continue(Process process) => Send(process, 18);

    /// <summary>SIGKILL: nothing of the process runs after this.</summary>
    public static void Kill(Process process) => Send(process, 9);

    /// <summary>SIGSTOP: it stays, and does nothing.</summary>
    public static void Stop(Process process) => Send(process, 19);

    public static void Interrupt(Process process) => Send(process, 2);

    private static void Send(Process process, int signal)
    {
        if (SendSignal(process.Id, signal) != 0)
            throw new InvalidOperationException($"kill -{signal} {process.Id}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int processId, int signal);
}
