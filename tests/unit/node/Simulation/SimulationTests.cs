using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Testing;

namespace Tempo.Node.Tests.Simulation;

/// <summary>
/// The life of a node, driven step by step by a seed: requests of two tenants, cuts, merges, time that goes on, errors of the disk, and at
/// a call of the disk that chance chooses the end of the process or of the power; then the next life on what is left. After each step and
/// each start every acknowledged span is there, once. The same seed is the same life, call by call. TEMPO_SIM_SEEDS says how many,
/// TEMPO_SIM_FROM the first.
/// </summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Lives = 3, MostSteps = 8, MostCalls = 150;

    private static readonly TenantId Other = TenantId.TryParse("other", out var tenant, out _) ? tenant : default;

    [Fact]
    public async Task Whatever_a_seed_does_to_a_node_it_keeps_what_it_acknowledged()
    {
        var seeds = FromEnvironment("TEMPO_SIM_SEEDS", 60);
        var first = FromEnvironment("TEMPO_SIM_FROM", 1);
        var (acknowledged, calls, next) = (0L, 0L, first - 1);
        // Each seed is a world of its own; on each processor one after the other, in the same memory.
        await Task.WhenAll(Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Task.Run(async () =>
        {
            var memory = NewMemory();
            while (Interlocked.Increment(ref next) is var seed && seed < first + seeds)
            {
                var life = await RunAsync(seed, memory);
                Interlocked.Add(ref acknowledged, life.Acknowledged);
                Interlocked.Add(ref calls, life.Calls);
            }
        })));

        output.WriteLine($"seeds {first} to {first + seeds - 1}: {acknowledged} acknowledged, {calls} calls of the disk");
        Assert.True(acknowledged > seeds * 3, $"only {acknowledged} spans were acknowledged");
    }

    [Fact]
    public async Task The_same_seed_is_the_same_life_call_by_call()
    {
        // Once in memory that others have used, once in memory of its own.
        var used = NewMemory();
        for (var seed = 1; seed <= 5; seed++) Assert.Equal(await RunAsync(seed, used), await RunAsync(seed, NewMemory()));
    }

    private static async Task<Life> RunAsync(int seed, BlockStoreOptions memory)
    {
        var random = new Random(seed);
        var time = new ManualTime(new DateTimeOffset(2026, 11, 28, 0, 0, 0, TimeSpan.Zero));
        var (disk, ledger) = (new SimDisk(), new SimLedger());
        var (calls, digest) = (0L, 17UL);
        try
        {
            for (var life = 0; life < Lives; life++)
            {
                var end = new End(random.Next(1, MostCalls), random.Next(2) == 0, random.Next());
                // A disk that is sick fails a call now and then, never at the start: a node does not start on such a one.
                var sick = random.Next(3) == 0 ? random.Next(5, 40) : 0;
                var isStarting = true;
                var (at, left) = (0, ((SimDisk Disk, SimLedger Ledger)?)null);
                var flaky = new FlakyDisk(disk, call =>
                {
                    // Searches read on several threads; what only reads changes nothing, and ends nothing.
                    if (call.Operation is "Read" or "TryOpen" or "TryList" or "TryListEntries" or "TryGetFreeBytes" or "TryGetSpace")
                        return null;
                    at++;
                    // Names of files under way have the process in them.
                    foreach (var letter in call.Operation + call.Path.Split(".put-")[0]) digest = (digest ^ letter) * 1099511628211UL;
                    if (at == end.AtCall) left = (end.IsOfPower ? disk.Crash(end.Seed) : disk.Kill(), ledger.Copy());
                    return sick > 0 && !isStarting && at % sick == 0 && call.Operation is "Write" or "Sync"
                        ? new DiskFault(DiskError.Failed, (FaultMoment)(at % 3))
                        : null;
                });
                using (var node = await SimNode.StartAsync(flaky, ledger, time, random, memory))
                {
                    isStarting = false;
                    await node.CheckAsync($"life {life}, started");
                    for (var step = random.Next(2, MostSteps); step > 0; step--)
                    {
                        var did = await StepAsync(node, time, random);
                        await node.CheckAsync($"life {life}, after {did}");
                    }
                }

                calls += at;
                // Where it did not come so far it ends after its last step.
                (disk, ledger) = left ?? (end.IsOfPower ? disk.Crash(end.Seed) : disk.Kill(), ledger);
            }

            using var last = await SimNode.StartAsync(disk, ledger, time, random, memory);
            await last.CheckAsync("at the last start");
            await last.CutAsync();
            await last.CompactAsync();
            await last.CheckAsync("at the end");
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
        }

        return new Life(ledger.Acknowledged.Count, calls, digest);
    }

    private static BlockStoreOptions NewMemory() => new() { BloomShardBytes = 64 };

    private static async Task<string> StepAsync(SimNode node, ManualTime time, Random random)
    {
        switch (random.Next(6))
        {
            case 0 or 1 or 2:
                for (var requests = random.Next(1, 4); requests > 0; requests--) node.Ingest(random.Next(2) == 0 ? TenantId.Single : Other);
                return "requests";
            case 3:
                await node.CutAsync();
                return "a cut";
            case 4:
                await node.CompactAsync();
                return "a round of compaction";
            default:
                time.Advance(TimeSpan.FromMinutes(random.Next(1, 30)));
                return "a while";
        }
    }

    private static int FromEnvironment(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private sealed record End(int AtCall, bool IsOfPower, int Seed);

    private sealed record Life(int Acknowledged, long Calls, ulong Digest);
}
