using System.Text.Json;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>
/// kill -9, over and over on the same data, under load: every acknowledged span is there by id and by search, none twice,
/// none that was never sent, no trace in part; while the load runs, after each restart, and at the end from blocks alone.
/// TEMPO_KILL_ROUNDS says how often (5). Round n has the seed TEMPO_KILL_SEED + n (1), which decides everything the test
/// decides: a failed round's seed, with one round, does the same again.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private static readonly int Rounds = Torture.Rounds.FromEnvironment("TEMPO_KILL_ROUNDS", 5);
    private static readonly int FirstSeed = Torture.Rounds.FromEnvironment("TEMPO_KILL_SEED", 1);

    /// <summary>Live data is always due, so that the server also cuts by itself, once a second.</summary>
    private static readonly TempoSettings CutsAllTheTime = new() { Multitenancy = true, MaxBlockDuration = "10ms" };

    private static readonly TempoSettings NeverCuts = new() { Multitenancy = true, MaxBlockDuration = "1h" };

    [Fact]
    public async Task No_acknowledged_span_is_lost_and_none_comes_twice()
    {
        var rounds = new Torture.Rounds("kill -9 at any moment", output);
        await using var tempo = await TempoProcess.StartAsync(CutsAllTheTime);
        var ledger = new Ledger();
        var check = new LedgerCheck(tempo, ledger);
        for (var seed = FirstSeed; seed < FirstSeed + Rounds; seed++) await RoundAsync(tempo, ledger, check, seed, rounds);

        var traces = await check.EverythingAsync();
        await tempo.Api.FlushAsync();
        Assert.Equal(traces, await check.EverythingAsync());
        Assert.Equal(0, await tempo.StopAsync());
        // Each trace is one request and so in one block; a query would merge what two blocks have in common.
        var blocks = BlocksThatCount(tempo);
        Assert.True(traces == blocks.Sum(static block => block.Traces),
            $"{traces} traces, and in blocks {blocks.Sum(static block => block.Traces)}:\n{string.Join('\n', blocks)}");
        await tempo.StartAsync();
        Assert.Equal(traces, await check.EverythingAsync());
        Assert.True(ledger.Count(Outcome.Acknowledged) > Rounds * 10, $"the load was no load: {ledger}");
        rounds.Report(ledger);
    }

    [Fact]
    public async Task Kills_during_the_replay_of_a_long_log_lose_nothing_either()
    {
        await using var tempo = await TempoProcess.StartAsync(NeverCuts);
        var ledger = new Ledger();
        var load = new LedgerLoad(tempo, ledger, "before the replay", spansPerTrace: 200).RunAsync();
        await Eventually.HoldsAsync("600 traces are acknowledged", () => load.IsCompleted || ledger.Count(Outcome.Acknowledged) >= 600);
        await tempo.KillAsync();
        await load;

        for (var seed = FirstSeed; seed < FirstSeed + Rounds; seed++)
            output.WriteLine($"seed {seed}: killed {await KillWhileStartingAsync(tempo, new Random(seed), mostMilliseconds: 250)}");
        await tempo.StartAsync();
        await new LedgerCheck(tempo, ledger).EverythingAsync();
    }

    private async Task RoundAsync(TempoProcess tempo, Ledger ledger, LedgerCheck check, int seed, Torture.Rounds rounds)
    {
        var random = new Random(seed);
        var name = $"kill {seed}";
        output.WriteLine($"round with seed {seed}");
        var duringCut = seed % 2 == 1;
        var running = Task.WhenAll(
            new LedgerLoad(tempo, ledger, name).RunAsync(), check.WatchAsync(name), duringCut ? FlushAsync(tempo) : Task.CompletedTask);
        await Task.Delay(random.Next(50, duringCut ? 600 : 2400));
        if (duringCut) await CutIsRunningAsync(tempo, random);
        await tempo.KillAsync();
        await running;
        output.WriteLine($"  killed: {WhatIsLeft(tempo)}; {ledger}");

        for (var kills = random.Next(3); kills > 0; kills--)
            output.WriteLine($"  killed again {await KillWhileStartingAsync(tempo, random, mostMilliseconds: 80)}");
        await rounds.StartAsync(tempo);
        await check.NameAsync(name);
        rounds.Done("whole");
    }

    private static async Task FlushAsync(TempoProcess tempo)
    {
        try
        {
            while (true)
            {
                await Task.Delay(100);
                await tempo.Api.FlushAsync();
            }
        }
        catch (Exception e) when (tempo.IsEnding && e is HttpRequestException or IOException)
        {
            // What it was for.
        }
    }

    /// <summary>Some way into the writing of blocks: half a file, no meta.json yet, one tenant's block and not the other's,
    /// blocks whose log is still there.</summary>
    private static async Task CutIsRunningAsync(TempoProcess tempo, Random random)
    {
        await Eventually.HoldsAsync("a block is being built", () => Building(tempo).Length > 0);
        await Task.Delay(random.Next(0, 30));
    }

    /// <returns>When that was.</returns>
    private static async Task<string> KillWhileStartingAsync(TempoProcess tempo, Random random, int mostMilliseconds)
    {
        var before = tempo.Log.Length;
        tempo.StartWithoutWaiting();
        var milliseconds = random.Next(1, mostMilliseconds);
        await Task.Delay(milliseconds);
        await tempo.KillAsync();
        var started = tempo.Log[before..].Contains("Tempo started", StringComparison.Ordinal);
        return $"{milliseconds} ms after the start, {(started ? "which was over" : "during it")}";
    }

    private static string[] Building(TempoProcess tempo) =>
        Directory.GetFiles(Path.Combine(tempo.DataFolder, "wal", "building"), "*.parquet");

    private static string WhatIsLeft(TempoProcess tempo)
    {
        var folders = LedgerLoad.Tenants.Select(tenant => Path.Combine(tempo.BlocksFolder, tenant)).Where(Directory.Exists)
            .SelectMany(Directory.GetDirectories).ToArray();
        var whole = folders.Count(folder => File.Exists(Path.Combine(folder, "meta.json")));
        return $"{Building(tempo).Length} files being built, {folders.Length - whole} blocks without meta.json, {whole} whole";
    }

    // A kill may come while a merge takes its inputs away: its output is there and says which they are, and nobody reads them any more. The
    // first round of compaction, half a minute after the start, goes on with it, and the stop may come before that. A stop itself leaves no
    // such inputs (tests/unit/node, StoppedMergeTests).
    private static List<(string Id, int Traces)> BlocksThatCount(TempoProcess tempo)
    {
        List<(string Id, int Traces)> blocks = [];
        HashSet<string> merged = [];
        foreach (var folder in LedgerLoad.Tenants.SelectMany(tempo.BlockDataFiles).Select(static file => Path.GetDirectoryName(file)!))
        {
            using var meta = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "meta.json")));
            blocks.Add((Path.GetFileName(folder), meta.RootElement.GetProperty("totalObjects").GetInt32()));
            var inputs = Path.Combine(folder, "compacted-from.json");
            if (!File.Exists(inputs)) continue;
            using var list = JsonDocument.Parse(File.ReadAllBytes(inputs));
            merged.UnionWith(list.RootElement.GetProperty("inputs").EnumerateArray().Select(static id => id.GetString()!));
        }

        blocks.RemoveAll(block => merged.Contains(block.Id));
        return blocks;
    }
}
