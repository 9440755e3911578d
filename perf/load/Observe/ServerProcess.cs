using System.Globalization;
using System.Runtime.InteropServices;

namespace Tempo.Perf.Load.Observe;

/// <summary>What the kernel knows of the server's process, from /proc (proc(5)). Reading it costs the server nothing.</summary>
internal sealed partial class ServerProcess
{
    private readonly int _pid;
    private readonly string _folder;

    public ServerProcess(int pid)
    {
        _pid = pid;
        _folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
        if (!Directory.Exists(_folder)) throw new IOException($"There is no process {pid}.");
    }

    /// <summary>
    /// Time that all its threads have run so far, in seconds, to the nanosecond; null when the process is gone. It is the kernel's clock of
    /// the process and never goes back: a sum over the threads of /proc loses the whole time of each that ends.
    /// </summary>
    public double? CpuSeconds() =>
        GetCpuClock(_pid, out int clock) == 0 && GetTime(clock, out TimeSpec time) == 0 ? time.Seconds + time.Nanoseconds / 1e9 : null;

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

    [LibraryImport("libc", EntryPoint = "clock_getcpuclockid")]
    private static partial int GetCpuClock(int pid, out int clock);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}

/// <summary>A reading of /proc/pid/status, in bytes. File pages include mapped data files and are the kernel's to take back.</summary>
internal record struct MemoryReading
{
    public long PeakBytes { get; set; }
    public long ResidentBytes { get; set; }
    public long AnonymousBytes { get; set; }
    public long FileBytes { get; set; }
}
