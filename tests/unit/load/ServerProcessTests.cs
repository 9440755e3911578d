using System.Diagnostics;
using Tempo.Perf.Load.Observe;
using Xunit;

namespace Tempo.Perf.Load.Tests;

public class ServerProcessTests
{
    private const double BurntSeconds = 0.2;

    [Fact]
    public void Time_of_a_thread_that_has_ended_stays_counted()
    {
        var process = new ServerProcess(Environment.ProcessId);
        double before = process.CpuSeconds()!.Value, running = before;
        string task = "";
        var thread = new Thread(() =>
        {
            task = Path.Combine("/proc", new FileInfo("/proc/thread-self").LinkTarget!);
            while (running < before + BurntSeconds) running = process.CpuSeconds()!.Value;
        });
        thread.Start();
        thread.Join();
        while (Directory.Exists(task)) Thread.Yield(); // joined, and not yet gone for the kernel
        Assert.InRange(process.CpuSeconds()!.Value, running, double.MaxValue);
    }

    [Fact]
    public void A_process_that_is_gone_has_no_time()
    {
        using var child = Process.Start("sleep", "600");
        var process = new ServerProcess(child.Id);
        Assert.NotNull(process.CpuSeconds());
        child.Kill();
        child.WaitForExit();
        Assert.Null(process.CpuSeconds());
    }
}
