using Tempo.SystemTests.Lifecycle;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture;

/// <summary>
/// The power goes at a random moment under load, on a real ext4: what had not been synced is gone, and the process with it.
/// What was acknowledged is there after the file system is mounted again.
/// </summary>
public sealed class PowerCutTests(ITestOutputHelper output)
{
    private static readonly TempoSettings CutsAllTheTime =
        new() { Multitenancy = true, MaxBlockDuration = "10ms", CompactionCycle = "1h", CompactedBlockRetention = "200ms" };

    [Fact]
    public async Task What_was_acknowledged_is_on_the_disk()
    {
        Mounts.NeedExt4();
        var rounds = new Rounds("power cut (ext4)", output);
        await using var tempo = TempoProcess.Prepare(CutsAllTheTime);
        await using var disk = await Mounts.Ext4Async(tempo.DataFolder, megabytes: 384);
        var ledger = new Ledger();
        var check = new LedgerCheck(tempo, ledger);
        await tempo.StartAsync();
        for (var round = 0; round < Rounds.Count(10); round++)
        {
            var name = $"power {round}";
            var load = new LedgerLoad(tempo, ledger, name).RunAsync();
            await Task.Delay(new Random(Rounds.Seed + round).Next(100, 1500));
            // As it is without power, when both end at one moment: this kernel lets a sync succeed that the shutdown of the file
            // system overtakes, and only a process of which every thread stands still can acknowledge nothing for it.
            await tempo.FreezeAsync();
            disk.CutPower();
            await tempo.KillAsync();
            await load;

            await disk.UnmountAsync();
            await disk.MountAsync();
            await rounds.StartAsync(tempo);
            await check.NameAsync(name);
            rounds.Done($"{ledger}");
        }

        await check.EverythingAsync();
        rounds.Report(ledger);
        await tempo.KillAsync();
    }
}
