using Tempo.Engine.Foundation;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture.Failpoints;

/// <summary>
/// The server ends at each named place of its code, and is started again: what was acknowledged is
/// there, whole and once, and what was deleted is not.
/// </summary>
public sealed class FailpointTests(ITestOutputHelper output)
{
    /// <summary>What a run of the script passes this often at least: the nth time is drawn from so many.</summary>
    private const int MostOften = 3;

    public static TheoryData<string> Names => [.. FailpointTable.All.Select(static info => info.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Ended_there_it_loses_nothing(string name)
    {
        await using var server = new FailpointServer(output, "end at a failpoint");
        if (NeedsWork(name)) await server.LeaveWorkBehindAsync();
        server.Failpoint = $"{name}:{Nth}";
        var survived = await server.LiveAsync(() => Task.FromResult(Nth == 1));
        Assert.True(!survived || Nth > 1, $"{name} was not reached:\n{server.Tempo.Log}");
        if (survived) await server.Tempo.KillAsync();
        else await server.KilledAsync();
        await server.HealAsync();
        server.Rounds.Done($"{name}:{Nth}; {server.Ledger}");
        server.Rounds.Report(server.Ledger);
    }

    // The first time for sure; in the later passes of a long run any of the first few, if there are so many.
    internal static int Nth { get; } = Rounds.Seed == 1 ? 1 : new Random(Rounds.Seed).Next(1, MostOften + 1);

    // Only reached by a start that finds something to do.
    internal static bool NeedsWork(string name) => name.StartsWith("recovery.", StringComparison.Ordinal) || name == "compaction.settling";

    [Fact]
    public async Task The_script_reaches_every_failpoint()
    {
        await using var server = new FailpointServer(output, "no fault");
        await server.LeaveWorkBehindAsync();
        server.Failpoint = "count";
        Assert.True(await server.LiveAsync(async () => (await server.UnreachedAsync()).Length > 0));
        Assert.Empty(await server.UnreachedAsync());
        Assert.Contains("FAILPOINTS ARE ON", server.Tempo.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task They_are_off_unless_a_flag_allows_them()
    {
        await using var tempo = TempoProcess.Prepare();
        tempo.Variables["TEMPO_FAILPOINT"] = "ingest.logged";
        tempo.StartWithoutWaiting();
        Assert.Equal(1, await tempo.EndedAsync());
        Assert.Contains("needs -failpoints.enabled", tempo.Log, StringComparison.Ordinal);

        tempo.Variables.Clear();
        await tempo.StartAsync();
        Assert.DoesNotContain("failpoint", (await tempo.Api.AskAsync("/status")).Text, StringComparison.OrdinalIgnoreCase);
    }
}
