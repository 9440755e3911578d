using System.Globalization;

namespace Tempo.SystemTests.Torture.Overload;

/// <summary>A control group (version 1 or 2) that limits the memory of a server; gone with this object.</summary>
internal sealed class MemoryGroup : IDisposable
{
    private const string Version1 = "/sys/fs/cgroup/memory", Version2 = "/sys/fs/cgroup";
    private readonly string _folder;
    private readonly bool _isVersion1 = Directory.Exists(Version1);

    public MemoryGroup(int megabytes)
    {
        _folder = Path.Combine(_isVersion1 ? Version1 : Version2, $"tempo-test-{Environment.ProcessId}-{Guid.NewGuid():n}");
        Directory.CreateDirectory(_folder);
        File.WriteAllText(Path.Combine(_folder, _isVersion1 ? "memory.limit_in_bytes" : "memory.max"), (megabytes * 1024L * 1024).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The program that starts the server in the group, on one processor: the others are the load's.</summary>
    public string[] Launcher => ["sh", "-c", $"echo $$ > {_folder}/{(_isVersion1 ? "tasks" : "cgroup.procs")} && exec taskset -c 0 \"$@\"", "sh"];

    /// <summary>The most that the group has ever used, the kernel's cache of its files included.</summary>
    public long PeakMiB => long.Parse(File.ReadAllText(Path.Combine(_folder, _isVersion1 ? "memory.max_usage_in_bytes" : "memory.peak")), CultureInfo.InvariantCulture) >> 20;

    /// <summary>Processes that were killed because the group had no memory left.</summary>
    public int Kills => File.ReadAllLines(Path.Combine(_folder, _isVersion1 ? "memory.oom_control" : "memory.events"))
        .Where(static line => line.StartsWith("oom_kill ", StringComparison.Ordinal)).Sum(static line => int.Parse(line["oom_kill ".Length..], CultureInfo.InvariantCulture));

    /// <summary>Skips the test where there are no such groups, or we may not make them.</summary>
    public static void Need()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && (Directory.Exists(Version1) || File.Exists(Path.Combine(Version2, "cgroup.controllers"))), "needs root and control groups of memory");
        Assert.SkipUnless(File.Exists("/usr/bin/taskset"), "needs taskset");
    }

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
}
