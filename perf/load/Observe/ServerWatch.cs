using System.Diagnostics;

namespace Tempo.Perf.Load.Observe;

/// <summary>
/// The server's bill for a run: opened before the first request, <see cref="EndOfLoad"/> after the last answer, <see cref="Close"/> after
/// what the load leaves to be done (cutting and writing blocks). Parts of which nothing was given (pid, folder), or nothing can be had any
/// more (the server died), stay null.
/// </summary>
internal sealed class ServerWatch : IDisposable
{
    private static readonly TimeSpan QuietWindow = TimeSpan.FromSeconds(1);
    private const double QuietCpuShare = 0.03;

    private readonly ServerProcess? _server;
    private readonly MemorySampler? _sampler;
    private readonly string? _dataFolder;
    private readonly double? _startCpuSeconds;
    private readonly long? _startWrittenBytes;
    private readonly DiskUsage _startDisk;
    private readonly bool _hasKernelPeak;

    public ServerWatch(int? pid, string? dataFolder)
    {
        _dataFolder = dataFolder;
        if (dataFolder is not null) _startDisk = DiskUsage.Of(dataFolder);
        if (pid is null) return;
        _server = new ServerProcess(pid.Value);
        _hasKernelPeak = _server.TryResetPeak();
        _startCpuSeconds = _server.CpuSeconds();
        _startWrittenBytes = _server.WrittenBytes();
        _sampler = new MemorySampler(_server);
    }

    /// <summary>CPU seconds from the first request to the last answer.</summary>
    public double? LoadCpuSeconds { get; private set; }

    /// <summary>CPU seconds from the first request to <see cref="Close"/>.</summary>
    public double? TotalCpuSeconds { get; private set; }

    public MemoryReading? Peaks { get; private set; }

    public MemoryReading? AtEnd { get; private set; }

    public long? WrittenBytes { get; private set; }

    /// <summary>Growth of the data folder.</summary>
    public DiskUsage? Disk { get; private set; }

    public void EndOfLoad() => LoadCpuSeconds = _server?.CpuSeconds() - _startCpuSeconds;

    /// <summary>
    /// Waits until the server has used less than 3 % of a core for a second, at most <paramref name="limit"/>. False when it has not come
    /// to rest.
    /// </summary>
    public bool AwaitRest(TimeSpan limit)
    {
        if (_server is null) return true;
        long start = Stopwatch.GetTimestamp();
        double? before = _server.CpuSeconds();
        while (Stopwatch.GetElapsedTime(start) < limit)
        {
            Thread.Sleep(QuietWindow);
            double? now = _server.CpuSeconds();
            if (now is null) return false;
            if (now - before < QuietCpuShare * QuietWindow.TotalSeconds) return true;
            before = now;
        }
        return false;
    }

    public void Close()
    {
        if (_server is not null)
        {
            TotalCpuSeconds = _server.CpuSeconds() - _startCpuSeconds;
            WrittenBytes = _server.WrittenBytes() - _startWrittenBytes;
            AtEnd = _server.Memory();
            MemoryReading sampled = _sampler!.Finish();
            Peaks = sampled with { PeakBytes = AtEnd is { } end && _hasKernelPeak ? end.PeakBytes : sampled.ResidentBytes };
        }
        if (_dataFolder is not null)
        {
            DiskUsage now = DiskUsage.Of(_dataFolder);
            Disk = new DiskUsage(
                now.ParquetBytes - _startDisk.ParquetBytes, now.OtherBytes - _startDisk.OtherBytes, now.FileCount - _startDisk.FileCount);
        }
    }

    public void Dispose() => _sampler?.Dispose();
}
