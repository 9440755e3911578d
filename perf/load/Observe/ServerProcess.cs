using System.Globalization;

namespace Tempo.Perf.Load.Observe;

/// <summary>What the kernel knows of the server's process, from /proc (proc(5)). Reading it costs the server nothing.</summary>
internal sealed class ServerProcess
{
    // USER_HZ: the unit of /proc/pid/stat is 1/100 s on every Linux architecture that .NET runs on, whatever the kernel's own tick.
    private const double TicksPerSecond = 100;

    private readonly string _folder;

    public ServerProcess(int pid)
    {
        _folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
        if (!Directory.Exists(_folder)) throw new IOException($"There is no process {pid}.");
    }

    /// <summary>User and system time of all its threads so far, in seconds, to 0.01 s; null when the process is gone.</summary>
    public double? CpuSeconds()
    {
        if (TryRead("stat") is not { } stat) return null;
        // The second field, the name, is in parentheses and may hold spaces: count from behind it, where field 3 comes first.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        const int userField = 14 - 3, systemField = 15 - 3;
        return (long.Parse(fields[userField], CultureInfo.InvariantCulture) + long.Parse(fields[systemField], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    /// <summary>
    /// Time its living threads have run so far, in seconds, to the nanosecond (schedstat): for what takes less than some hundredths of a
    /// second. A thread that ends takes its time with it. Null when the process is gone or the kernel does not count this.
    /// </summary>
    public double? ThreadSeconds()
    {
        try
        {
            long nanos = 0;
            foreach (string task in Directory.EnumerateDirectories(_folder + "/task"))
                if (TryRead($"task/{Path.GetFileName(task)}/schedstat") is { } stat) nanos += long.Parse(stat.AsSpan(0, stat.IndexOf(' ')), CultureInfo.InvariantCulture);
            return nanos > 0 ? nanos / 1e9 : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Makes VmHWM, the peak of the resident set, start again from now. False where the kernel does not let us.</summary>
    public bool TryResetPeak()
    {
        try
        {
            File.WriteAllText(_folder + "/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Null when the process is gone.</summary>
    public MemoryReading? Memory()
    {
        if (TryRead("status") is not { } status) return null;
        var reading = new MemoryReading();
        foreach (string line in status.Split('\n'))
        {
            if (line.StartsWith("VmHWM:", StringComparison.Ordinal)) reading.PeakBytes = Bytes(line);
            else if (line.StartsWith("VmRSS:", StringComparison.Ordinal)) reading.ResidentBytes = Bytes(line);
            else if (line.StartsWith("RssAnon:", StringComparison.Ordinal)) reading.AnonymousBytes = Bytes(line);
            else if (line.StartsWith("RssFile:", StringComparison.Ordinal)) reading.FileBytes = Bytes(line);
        }
        return reading;
    }

    /// <summary>Bytes it caused to be written to storage; null when the process is gone or its figures are not ours to read.</summary>
    public long? WrittenBytes()
    {
        const string name = "write_bytes:";
        string? line = TryRead("io")?.Split('\n').FirstOrDefault(static l => l.StartsWith(name, StringComparison.Ordinal));
        return line is null ? null : long.Parse(line.AsSpan(name.Length), CultureInfo.InvariantCulture);
    }

    private string? TryRead(string file)
    {
        try
        {
            return File.ReadAllText($"{_folder}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // "VmRSS:     123456 kB"
    private static long Bytes(string line) =>
        1024 * long.Parse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).TrimEnd("kB ").Trim(), CultureInfo.InvariantCulture);
}

/// <summary>A reading of /proc/pid/status, in bytes. File pages include mapped data files and are the kernel's to take back.</summary>
internal record struct MemoryReading
{
    public long PeakBytes { get; set; }
    public long ResidentBytes { get; set; }
    public long AnonymousBytes { get; set; }
    public long FileBytes { get; set; }
}
