using System.Globalization;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Telemetry;

/// <summary>
/// Metrics of the process by the names that every Prometheus dashboard has (<c>process_*</c>), and of the collector.
/// Read from /proc/self at scrape time; where there is none they are 0.
/// </summary>
internal static class ProcessMetrics
{
    public static void Register(MetricRegistry metrics)
    {
        metrics.Counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
            static () => Environment.CpuUsage.TotalTime.TotalSeconds);
        metrics.Gauge("process_resident_memory_bytes", "Resident memory size in bytes.", static () => PagesOf(1));
        metrics.Gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", static () => PagesOf(0));
        metrics.Gauge("process_open_fds", "Number of open file descriptors.", static () => CountOpenFiles());
        metrics.Gauge("process_max_fds", "Maximum number of open file descriptors.", static () => MaxOpenFiles());
        var started = StartTimeSeconds();
        metrics.Gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", () => started);
        metrics.Gauge("dotnet_gc_heap_size_bytes", "Size of the collected heap after the last collection.",
            static () => GC.GetGCMemoryInfo().HeapSizeBytes);
        metrics.Gauge("dotnet_gc_committed_bytes", "Memory the collector has committed.",
            static () => GC.GetGCMemoryInfo().TotalCommittedBytes);
        metrics.Counter("dotnet_gc_allocated_bytes_total", "Bytes allocated on the collected heap.",
            static () => GC.GetTotalAllocatedBytes());
        metrics.Counter("dotnet_gc_pause_seconds_total", "Time all threads stood still for the collector.",
            static () => GC.GetTotalPauseDuration().TotalSeconds);
        metrics.Counter("dotnet_gc_collections_total", "Collections of any generation.", static () => GC.CollectionCount(0));
        metrics.Gauge("dotnet_threadpool_threads", "Threads of the pool.", static () => ThreadPool.ThreadCount);
        metrics.Gauge("tempo_build_info", "What this binary is.", "version", "revision", "branch", "goversion", "goarch", "goos", "tags")
            .With(BuildInfo.Version, BuildInfo.Revision, "HEAD", BuildInfo.Framework, "amd64", "linux", BuildInfo.Compilation).Set(1);
    }

    // Field of /proc/self/statm: 0 virtual, 1 resident, in pages.
    private static double PagesOf(int field) =>
        Read("/proc/self/statm").Split(' ') is { } fields && fields.Length > field
        && long.TryParse(fields[field], NumberStyles.None, CultureInfo.InvariantCulture, out var pages)
            ? pages * Environment.SystemPageSize
            : 0;

    private static double CountOpenFiles()
    {
        try
        {
            // One of them is the descriptor of this very listing.
            return Directory.GetFileSystemEntries("/proc/self/fd").Length - 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // There is none left to list them with.
            return MaxOpenFiles();
        }
    }

    private static double MaxOpenFiles()
    {
        const string name = "Max open files";
        foreach (var line in Read("/proc/self/limits").Split('\n'))
        {
            if (!line.StartsWith(name, StringComparison.Ordinal)) continue;
            var soft = line[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
            return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : 0;
        }

        return 0;
    }

    private static double StartTimeSeconds()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return new DateTimeOffset(process.StartTime.ToUniversalTime()).ToUnixTimeMilliseconds() / 1000.0;
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
