using System.Globalization;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture.Overload;

/// <summary>
/// A server with 512 MiB of memory and one processor is offered five times what it takes, for TEMPO_OVERLOAD_MINUTES. It is measured, and so
/// only run when it is asked for, on a machine that does nothing else: <c>./build.ps1 torture overload --minutes 30</c>.
/// </summary>
public sealed class OverloadTests(ITestOutputHelper output)
{
    private const int Megabytes = 512, Times = 5;

    /// <summary>Requests that the senders have under way at most: with theirs of 100 KB more than the server may hold.</summary>
    private const int MostAtOnce = 2000;

    private const double LeastGoodput = 0.9, MostRefusalMs = 10;

    [Fact]
    public async Task At_five_times_its_capacity_a_server_goes_on_refuses_quickly_and_recovers()
    {
        var minutes = double.Parse(Environment.GetEnvironmentVariable("TEMPO_OVERLOAD_MINUTES") ?? "0", CultureInfo.InvariantCulture);
        Assert.SkipUnless(minutes > 0, "a measurement: TEMPO_OVERLOAD_MINUTES asks for it");
        MemoryGroup.Need();
        using var group = new MemoryGroup(Megabytes);
        await using var tempo = TempoProcess.Prepare();
        tempo.Launcher = group.Launcher;
        await tempo.StartAsync();
        using var load = new Offered(tempo.OtlpHttpUrl);

        // Until blocks are built as fast as spans come in: before, live data takes more than the server can for good.
        await load.ClosedAsync(16, TimeSpan.FromSeconds(60));
        var calm = TimeSpan.FromSeconds(30);
        var before = await load.ClosedAsync(16, calm);
        var capacity = before.AcceptedSpans / calm.TotalSeconds;
        var requests = before.AcceptedMs.Count / calm.TotalSeconds;

        var time = TimeSpan.FromMinutes(minutes);
        // One client beside the flood: how long it takes to be refused says what the server does, and not how the flood queues in its own process.
        using var beside = new Offered(tempo.OtlpHttpUrl);
        using var isOver = new CancellationTokenSource(time);
        var probing = beside.NowAndThenAsync(TimeSpan.FromMilliseconds(50), isOver.Token);
        var (during, lost) = await load.OpenAsync(requests * Times, MostAtOnce, time);
        var probed = await probing;
        var goodput = during.AcceptedSpans / time.TotalSeconds;

        await Task.Delay(TimeSpan.FromSeconds(5));
        var after = await load.ClosedAsync(16, TimeSpan.FromSeconds(10));
        var refusal = Offered.Answers.Quantile(probed.RefusedMs, 0.99);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"capacity {capacity:F0} spans/s; offered {Times} times that for {minutes} min: {goodput:F0} spans/s ({goodput / capacity:P0}); "
            + $"{during.RefusedMs.Count} refused, {during.WithoutRetry} of them without Retry-After; {lost} not sent, {during.Others} without an answer; "
            + $"a client beside was refused {probed.RefusedMs.Count} times in {refusal:F1} ms (p99, p50 {Offered.Answers.Quantile(probed.RefusedMs, 0.5):F1}) and taken {probed.AcceptedMs.Count} times; "
            + $"memory {group.PeakMiB} MiB of {Megabytes} with the page cache, {tempo.PeakResidentMiB()} MiB resident, {group.Kills} kills; "
            + $"p50 {Offered.Answers.Quantile(before.AcceptedMs, 0.5):F1} ms before, {Offered.Answers.Quantile(after.AcceptedMs, 0.5):F1} ms after"));

        Assert.Equal(0, group.Kills);
        Assert.False(tempo.HasEnded, tempo.Log);
        Assert.Equal(0, during.WithoutRetry);
        Assert.True(goodput >= LeastGoodput * capacity, $"{goodput:F0} of {capacity:F0} spans/s");
        Assert.True(refusal < MostRefusalMs, $"a refusal takes {refusal:F1} ms");
        Assert.True(Offered.Answers.Quantile(after.AcceptedMs, 0.5) < 2 * Offered.Answers.Quantile(before.AcceptedMs, 0.5) + 1, "it has not become itself again");
        Assert.Empty(after.RefusedMs);
    }
}
