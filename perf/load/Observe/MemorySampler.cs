namespace Tempo.Perf.Load.Observe;

/// <summary>
/// Reads a server's memory five times a second on a thread of its own, for the peaks that the kernel does not keep: anonymous and file
/// pages apart.
/// </summary>
internal sealed class MemorySampler : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly ServerProcess _server;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private MemoryReading _peaks;

    public MemorySampler(ServerProcess server)
    {
        _server = server;
        _thread = new Thread(Sample) { IsBackground = true, Name = "memory-sampler" };
        _thread.Start();
    }

    /// <summary>Stops, and gives the largest value seen of each part. They need not have been large at the same time.</summary>
    public MemoryReading Finish()
    {
        _stop.Set();
        _thread.Join();
        return _peaks;
    }

    public void Dispose()
    {
        Finish();
        _stop.Dispose();
    }

    private void Sample()
    {
        do
        {
            if (_server.Memory() is not { } now) return; // The server is gone; what was seen stays valid.
            _peaks = new MemoryReading
            {
                PeakBytes = Math.Max(_peaks.PeakBytes, now.PeakBytes),
                ResidentBytes = Math.Max(_peaks.ResidentBytes, now.ResidentBytes),
                AnonymousBytes = Math.Max(_peaks.AnonymousBytes, now.AnonymousBytes),
                FileBytes = Math.Max(_peaks.FileBytes, now.FileBytes),
            };
        }
        while (!_stop.Wait(Interval));
    }
}
