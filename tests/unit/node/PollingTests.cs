using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Node.Tests;

/// <summary>What others write is known soon, however much this node has to compact and however badly that goes.</summary>
public sealed class PollingTests : IDisposable
{
    private static readonly NodeOptions Options = new()
    {
        CompactionCycle = TimeSpan.FromMilliseconds(20),
        BlockRetention = TimeSpan.FromHours(100),
        Remote = new RemoteStorage { BlocklistPoll = TimeSpan.Zero },
    };

    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private readonly BlockFolder _folder = BlockFolder.Create(Options);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_block_list_is_polled_between_jobs()
    {
        foreach (var hours in (int[])[1, 5, 9]) await WritePairAsync(hours);
        var others = await WritePairAsync(13);
        var lone = await WriteAsync(17);
        string[] hidden = [.. others.Append(lone).Select(block => _folder.PathOf(block.BlockId, "meta.json"))];
        foreach (var meta in hidden) File.Move(meta, meta + ".later");
        var objects = new RefusingStore(_folder.OpenObjects());
        var running = await _folder.StartAsync(objects, TimeProvider.System);
        Assert.Equal(6, running.Blocks.Count());

        // Another node finishes them while the first job is at its end.
        objects.Refuses = key =>
        {
            if (key.EndsWith("/meta.compacted.json", StringComparison.Ordinal) && running.Blocks.Count() == 5)
                foreach (var meta in hidden.Where(static meta => !File.Exists(meta)))
                    File.Move(meta + ".later", meta);
            return false;
        };
        await running.RunOnceAsync();
        Assert.Contains(lone.BlockId, running.Blocks);
        Assert.Equal(5, running.Blocks.Count());
    }

    [Fact]
    public async Task The_block_list_is_polled_while_a_failed_round_is_waited_for()
    {
        await WritePairAsync(1);
        var polls = 0;
        var objects = new RefusingStore(_folder.OpenObjects());
        var running = await _folder.StartAsync(objects, TimeProvider.System);
        Directory.Delete(Path.Combine(_folder.Root, "work"), recursive: true); // no round goes well
        objects.Refuses = key =>
        {
            if (key.Length == 0) Interlocked.Increment(ref polls);
            return false;
        };
        using var stop = new CancellationTokenSource();
        var loop = running.Loop.RunAsync(stop.Token);
        var errors = running.Metrics.Counter("tempodb_compaction_errors_total", "").With();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (errors.Value == 0 || Volatile.Read(ref polls) < errors.Value * 3 + 10)
        {
            Assert.False(patience.IsCancellationRequested, $"{polls} polls, {errors.Value} rounds");
            await Task.Delay(5);
        }

        await stop.CancelAsync();
        await loop;
    }

    private async Task<BlockMeta[]> WritePairAsync(int hoursOld) => [await WriteAsync(hoursOld), await WriteAsync(hoursOld)];

    private Task<BlockMeta> WriteAsync(int hoursOld) =>
        _folder.WriteAsync(new BlockWriterOptions(),
            MergeTests.Request(hoursOld * 10, hoursOld * 10 + 6, (ulong)Now.AddHours(-hoursOld).ToUnixTimeSeconds() * 1_000_000_000));
}
