using System.Runtime.InteropServices;

namespace Tempo.Perf.Work;

/// <summary>CPU time of the calling thread: what others do on the machine is not in it, but for the caches.</summary>
internal static partial class ThreadClock
{
    private const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID

    public static long Nanoseconds => clock_gettime(ThreadCpuTime, out var now) == 0
        ? now.Seconds * 1_000_000_000 + now.Nanoseconds
        : throw new PlatformNotSupportedException("no clock of the thread's CPU time");

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out TimeSpec now);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
