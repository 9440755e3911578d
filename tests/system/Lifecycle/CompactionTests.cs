using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>The binary compacts and deletes all the time while it is loaded, asked and killed.</summary>
public sealed class CompactionTests(ITestOutputHelper output)
{
    private const int Rounds = 4;

    private static readonly TempoSettings AllTheTime = new()
    {
        Multitenancy = true,
        MaxBlockDuration = "10ms",
        CompactionCycle = "20ms",
        CompactedBlockRetention = "1s",
    };

    [Fact]
    public async Task Nothing_is_lost_and_the_blocks_stay_few()
    {
        await using var tempo = await TempoProcess.StartAsync(AllTheTime);
        var ledger = new Ledger();
        var check = new LedgerCheck(tempo, ledger);
        for (var round = 0; round < Rounds; round++)
        {
            var name = $"compaction {round}";
            var random = new Random(round);
            var running = Task.WhenAll(new LedgerLoad(tempo, ledger, name).RunAsync(), check.WatchAsync(name));
            await CompactionGoesOnAsync(tempo);
            // Anywhere in a cut, a merge, or between a merge and the marking of its inputs.
            await Task.Delay(random.Next(0, 100));
            await tempo.KillAsync();
            await running;
            await tempo.StartAsync();
            await check.NameAsync(name);
            output.WriteLine($"{ledger}; {BlocksOf(tempo)}");
        }

        var traces = await check.EverythingAsync();
        await tempo.Api.FlushAsync();
        await Eventually.HoldsAsync("what is left of compacted blocks is deleted", () => !Folders(tempo).Any(IsCompacted));
        Assert.All(LedgerLoad.Tenants, tenant => Assert.InRange(tempo.BlockDataFiles(tenant).Length, 1, 12));
        Assert.Equal(traces, await check.EverythingAsync());
        Assert.Equal(0, (await tempo.Api.MetricsAsync()).Sum("tempodb_compaction_errors_total"));

        await tempo.StopAsync();
        foreach (var tenant in LedgerLoad.Tenants)
        {
            var verify =
                await ProgramRun.ToEndAsync(Repository.Binary, ["verify", "--path", tempo.BlocksFolder, tenant], TimeSpan.FromSeconds(60));
            Assert.True(verify.ExitCode == 0, verify.Everything);
        }
    }

    private static Task CompactionGoesOnAsync(TempoProcess tempo) =>
        Eventually.HoldsAsync(
            "blocks are compacted", async () => (await tempo.Api.MetricsAsync()).Sum("tempodb_compaction_blocks_total") >= 4);

    private static string BlocksOf(TempoProcess tempo) =>
        $"{Folders(tempo).Length} block folders, {Folders(tempo).Count(IsCompacted)} compacted";

    private static string[] Folders(TempoProcess tempo) =>
        [.. LedgerLoad.Tenants.Select(tenant => Path.Combine(tempo.BlocksFolder, tenant)).Where(Directory.Exists)
            .SelectMany(Directory.GetDirectories)];

    private static bool IsCompacted(string folder) => File.Exists(Path.Combine(folder, "meta.compacted.json"));
}
