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

    public static void Interrupt(Process process) => Send(process, 2);

    /// <summary>
    /// Each thread of a paused process has come to its stop. The signal is one thread's at first, which tells the others when it gets its
    /// turn: until then they run on, and on a busy machine that was seen to take 30 ms.
    /// </summary>
    public static bool IsAtRest(Process process) =>
        Directory.EnumerateDirectories($"/proc/{process.Id}/task").All(static thread => StateOf(thread) is 'T' or 't');

    // Behind the name, which may itself have brackets. A thread that ends meanwhile has no file any more, or is a zombie.
    private static char StateOf(string thread)
    {
        try
        {
            var line = File.ReadAllText(Path.Combine(thread, "stat"));
            return line[line.LastIndexOf(')') + 2] is var state and not ('Z' or 'X') ? state : 'T';
        }
        catch (IOException)
        {
            return 'T';
        }
    }

    private static void Send(Process process, int signal)
    {
        if (SendSignal(process.Id, signal) != 0)
            throw new InvalidOperationException($"kill -{signal} {process.Id}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int processId, int signal);
}
