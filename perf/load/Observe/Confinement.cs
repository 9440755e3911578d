using System.Globalization;
using System.Runtime.InteropServices;

namespace Tempo.Perf.Load.Observe;

/// <summary>
/// A fixed share of the machine for the server: so much memory (a control group, version 1 or 2) and the first processor, while this tool
/// takes the others. Without it whoever sends more takes the processor from the server that it measures. Needs root; gone when disposed of.
/// </summary>
internal sealed partial class Confinement : IDisposable
{
    private const string Version1 = "/sys/fs/cgroup/memory", Version2 = "/sys/fs/cgroup";
    private readonly string _folder;
    private readonly bool _isVersion1 = Directory.Exists(Version1);

    /// <summary>
    /// Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> where there are no such groups, or we may not make
    /// them.
    /// </summary>
    public Confinement(int megabytes)
    {
        if (!_isVersion1 && !File.Exists(Path.Combine(Version2, "cgroup.controllers")))
            throw new IOException("there are no control groups of memory");
        _folder = Path.Combine(_isVersion1 ? Version1 : Version2, $"tempo-load-{Environment.ProcessId}-{Guid.NewGuid():n}");
        Directory.CreateDirectory(_folder);
        File.WriteAllText(Path.Combine(_folder, _isVersion1 ? "memory.limit_in_bytes" : "memory.max"),
            (megabytes * 1024L * 1024).ToString(CultureInfo.InvariantCulture));
        LeaveFirstProcessor();
    }

    /// <summary>The program that becomes the server.</summary>
    public string[] Launcher =>
        ["sh", "-c", $"echo $$ > {_folder}/{(_isVersion1 ? "tasks" : "cgroup.procs")} && exec taskset -c 0 \"$@\"", "sh"];

    /// <summary>The most that the group has ever used, the kernel's cache of its files included.</summary>
    public long PeakMiB =>
        long.Parse(File.ReadAllText(Path.Combine(_folder, _isVersion1 ? "memory.max_usage_in_bytes" : "memory.peak")),
            CultureInfo.InvariantCulture) >> 20;

    /// <summary>Processes that were killed because the group had no memory left.</summary>
    public int Kills => File.ReadAllLines(Path.Combine(_folder, _isVersion1 ? "memory.oom_control" : "memory.events"))
        .Where(static line => line.StartsWith("oom_kill ", StringComparison.Ordinal))
        .Sum(static line => int.Parse(line["oom_kill ".Length..], CultureInfo.InvariantCulture));

    public void Dispose()
    {
        try
        {
            Directory.Delete(_folder);
        }
        catch (IOException)
        {
            // The kernel has not let go of the process yet: an empty group is left, which costs nothing.
        }
    }

    // Of this thread, and with it of all that it starts. With one processor there is nothing to divide.
    private static unsafe void LeaveFirstProcessor()
    {
        if (Environment.ProcessorCount < 2) return;
        ulong mask = ~1UL;
        // Safe: the mask lives on this stack frame for as long as the call.
        if (SetAffinity(0, sizeof(ulong), &mask) != 0)
            throw new IOException($"sched_setaffinity failed with errno {Marshal.GetLastPInvokeError()}");
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static unsafe partial int SetAffinity(int thread, nuint bytes, ulong* mask);
}
