using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>
/// Power cuts at random disk calls of random work, several in a row on the same disk. After each: every acknowledged
/// record of an unreleased generation is there, once, with its own bytes, in its own generation; nothing is there that was
/// not appended; no released generation is back; numbers grow.
/// </summary>
public sealed class CrashTests
{
    private const int MaxPayloadBytes = 6000;
    private const int Seeds = 1500;

    [Fact]
    public void Every_acknowledged_record_survives_power_cuts()
    {
        long cuts = 0, acknowledged = 0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            var disk = new SimDisk();
            var ledger = new Ledger();
            for (var round = 0; round < 4; round++)
            {
                var (crashed, survived) = RunToCut(disk, ledger, (seed * 4) + round);
                (disk, ledger) = (crashed, survived);
                cuts++;
            }

            new Run(disk, ledger, seed).Recover(new Random(seed), release: false);
            acknowledged += ledger.Acknowledged.Count;
        }

        // That the test tests: most rounds reached acknowledgements before the light went out.
        Assert.Equal(4 * Seeds, cuts);
        Assert.True(acknowledged > 5 * Seeds, $"only {acknowledged} acknowledged records were at stake");
    }

    private static (SimDisk Disk, Ledger Ledger) RunToCut(SimDisk disk, Ledger ledger, int seed)
    {
        var random = new Random(seed);
        var cutAt = 1 + random.Next(120);
        SimDisk? crashed = null;
        Ledger? survived = null;
        var flaky = new FlakyDisk(disk, call =>
        {
            if (call.Number == cutAt) (crashed, survived) = (disk.Crash(seed), ledger.Copy());
            return null;
        });
        new Run(flaky, ledger, seed).Work(random, steps: 25);
        return (crashed ?? disk.Crash(seed), survived ?? ledger);
    }

    /// <summary>What was promised.</summary>
    private sealed class Ledger
    {
        public Dictionary<ulong, ulong> Appended { get; private init; } = []; // id → generation
        public HashSet<ulong> Acknowledged { get; private init; } = [];
        public HashSet<ulong> ReleaseBegun { get; private init; } = [];
        public HashSet<ulong> Released { get; private init; } = [];
        public ulong LastGeneration { get; set; }
        public ulong LastId { get; set; }

        public Ledger Copy() => new()
        {
            Appended = new(Appended),
            Acknowledged = [.. Acknowledged],
            ReleaseBegun = [.. ReleaseBegun],
            Released = [.. Released],
            LastGeneration = LastGeneration,
            LastId = LastId,
        };
    }

    private sealed class Run(IDisk disk, Ledger ledger, int seed)
    {
        private readonly List<WalGeneration> _rolled = [];

        public void Work(Random random, int steps)
        {
            using var log = Recover(random, release: true);
            for (var step = 0; step < steps; step++)
            {
                var choice = random.Next(10);
                if (choice < 7) AppendGroup(log, random);
                else if (choice < 9) Roll(log);
                else if (_rolled.Count > 0) Release(log, _rolled[random.Next(_rolled.Count)]);
            }
        }

        public WriteAheadLog Recover(Random random, bool release)
        {
            var log = TestRecords.Open(disk, seed, segmentBytes: 8 << 10);
            Assert.True(log.Current.Number > ledger.LastGeneration, "a generation's number came twice");
            ledger.LastGeneration = log.Current.Number;
            var found = new HashSet<ulong>();
            foreach (var generation in log.Recovered)
            {
                Assert.DoesNotContain(generation.Number, ledger.Released);
                var ids = TestRecords.Replay(generation, MaxPayloadBytes, out var report);
                foreach (var id in ids)
                {
                    Assert.True(found.Add(id), $"record {id} came twice");
                    Assert.Equal(ledger.Appended[id], generation.Number);
                }

                // Nothing was damaged here: what a power cut leaves is never called damage.
                Assert.Empty(report.Damage);
            }

            foreach (var id in ledger.Acknowledged)
            {
                if (!ledger.ReleaseBegun.Contains(ledger.Appended[id]))
                    Assert.True(found.Contains(id), $"seed {seed}: acknowledged record {id} is lost");
            }

            foreach (var generation in log.Recovered)
            {
                if (release && random.Next(2) == 0) Release(log, generation);
            }

            return log;
        }

        private void AppendGroup(WriteAheadLog log, Random random)
        {
            var under = new List<(ulong Id, NativeBuffer Buffer, Task<WalResult> Task)>();
            for (var count = random.Next(1, 5); count > 0; count--)
            {
                // One in eight goes to a generation that is rolled but still has requests under way.
                var generation = _rolled.Count > 0 && random.Next(8) == 0 ? _rolled[^1] : log.Current;
                var id = ++ledger.LastId;
                ledger.Appended[id] = generation.Number;
                var buffer = TestRecords.Buffer(id, MaxPayloadBytes);
                under.Add((id, buffer, log.AppendAsync(generation, TestRecords.TenantOf(id), buffer).AsTask()));
            }

            while (log.CommitQueued() > 0) { }
            foreach (var (id, buffer, task) in under)
            {
                Assert.True(TestRecords.Result(task).IsDurable);
                ledger.Acknowledged.Add(id);
                buffer.Dispose();
            }
        }

        private void Roll(WriteAheadLog log)
        {
            _rolled.Add(log.Current);
            ledger.LastGeneration = log.Roll().Number;
        }

        private void Release(WriteAheadLog log, WalGeneration generation)
        {
            ledger.ReleaseBegun.Add(generation.Number);
            Assert.Equal(DiskError.None, log.Release(generation));
            ledger.Released.Add(generation.Number);
            _rolled.Remove(generation);
        }
    }
}
