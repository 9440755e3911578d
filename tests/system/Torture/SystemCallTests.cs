using Tempo.SystemTests.Lifecycle;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture;

/// <summary>
/// A scripted run of ingest, cut, block and merge is ended, or answered with an error, at its system calls one after the
/// other. What was acknowledged is there afterwards, whole and once; and a call that fails ends no process.
/// </summary>
public sealed class SystemCallTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("pwrite64,pwritev")]
    [InlineData("fdatasync")]
    [InlineData("fsync")]
    [InlineData("write")]
    [InlineData("openat")]
    [InlineData("rename,renameat2,renameat")]
    [InlineData("unlink,unlinkat,rmdir")]
    [InlineData("mkdir,mkdirat")]
    [InlineData("fallocate,ftruncate")]
    public async Task Killed_at_a_call_it_loses_nothing(string call)
    {
        Strace.Need();
        var rounds = new Rounds($"kill at {call}", output);
        await using var tempo = TempoProcess.Prepare(Script.Settings);
        var ledger = new Ledger();
        var check = new LedgerCheck(tempo, ledger);
        for (var round = 0; round < Rounds.Count(3); round++)
        {
            // One call after the other in a long run, until there is none any more; here and there in a short one.
            var name = $"kill {round}";
            var at = Rounds.IsLong ? Rounds.Seed + round : new Random(Rounds.Seed + round).Next(1, 24);
            tempo.Launcher = Strace.Launcher(call, $"signal=KILL:when={at}");
            tempo.StartWithoutWaiting();
            var survived = await tempo.IsReadyUnlessItEndsAsync() && await new Script(tempo, ledger, name).RunAsync();
            if (survived) await tempo.KillAsync();
            else await tempo.EndedAsync();

            tempo.Launcher = [];
            await rounds.StartAsync(tempo);
            await check.NameAsync(name);
            await tempo.KillAsync();
            rounds.Done($"{call} {at}: {(survived ? "never reached" : "killed there")}; {ledger}");
            if (survived && Rounds.IsLong) break;
        }

        await tempo.StartAsync();
        await check.EverythingAsync();
        rounds.Report(ledger);
    }

    [Theory]
    [InlineData("pwrite64,pwritev", "EIO")]
    [InlineData("pwrite64,pwritev", "ENOSPC")]
    [InlineData("pwrite64,pwritev", "EINTR")]
    [InlineData("fdatasync", "EIO")]
    [InlineData("fdatasync", "ENOSPC")]
    [InlineData("fsync", "EIO")]
    [InlineData("write", "EDQUOT")]
    [InlineData("openat", "EROFS")]
    [InlineData("openat", "EMFILE")]
    [InlineData("rename,renameat,renameat2", "EIO")]
    [InlineData("unlink,unlinkat", "EROFS")]
    [InlineData("mkdir,mkdirat", "ENOSPC")]
    [InlineData("fallocate,ftruncate", "ENOSPC")]
    [InlineData("pread64", "EIO")]
    public async Task A_call_that_fails_is_no_false_acknowledgement_and_no_end(string call, string error)
    {
        Strace.Need();
        var rounds = new Rounds($"{error} of {call}", output);
        await using var tempo = await TempoProcess.StartAsync(Script.Settings);
        var ledger = new Ledger();
        var check = new LedgerCheck(tempo, ledger);
        for (var round = 0; round < Rounds.Count(2); round++)
        {
            // Once, or from then on until the disk is well again.
            var name = $"{error} {round}";
            var at = new Random(Rounds.Seed + round).Next(1, 12);
            var lasting = round % 2 == 1;
            using (await Strace.AttachAsync(tempo, call, $"error={error}:when={at}{(lasting ? "+" : "")}"))
                await new Script(tempo, ledger, name).RunAsync();
            Assert.False(tempo.HasEnded, tempo.Log);

            // A request that its sender has given up on may still be on its way, and come in between two questions.
            await Eventually.HoldsAsync(
                "nothing is on its way", async () => (await tempo.Api.MetricsAsync()).Sum("tempo_receiver_inflight_bytes") == 0);
            // Well again, without a restart: what it could not sync it may refuse, but it says so.
            await check.NameAsync(name);
            await tempo.KillAsync();
            await rounds.StartAsync(tempo);
            await check.NameAsync(name);
            rounds.Done($"{call} {at}{(lasting ? " and on" : "")}: {ledger}");
        }

        await check.EverythingAsync();
        rounds.Report(ledger);
    }
}
