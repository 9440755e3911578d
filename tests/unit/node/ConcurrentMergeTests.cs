using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Node.Tests;

/// <summary>Merges beside each other: blocks of three hours, two of each, and two merges at once.</summary>
public sealed class ConcurrentMergeTests : IDisposable
{
    private const int Hours = 3;
    private const ulong HourNano = 3600UL * 1_000_000_000;
    private readonly HashSet<string> _inputs = [];
    private readonly BlockFolder _folder = BlockFolder.Create(new NodeOptions { MaxConcurrentMerges = 2 });

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task As_many_run_beside_each_other_as_may_and_none_has_the_blocks_of_another()
    {
        var before = await WriteAsync();
        using var objects = new HoldingStore(_folder.OpenObjects());
        var running = await _folder.StartAsync(objects, TimeProvider.System);
        var round = running.RunOnceAsync();

        await objects.ArrivalsAsync(2);
        Assert.False(await objects.HasArrivalAsync(TimeSpan.FromMilliseconds(50)), "three merges at once");
        objects.Open(1);
        await objects.ArrivalsAsync(1);
        Assert.Equal(2, objects.Waiting);
        objects.Open(2);
        await round;

        Assert.Equal(Hours, running.Blocks.Count());
        Assert.Equal(Hours, (await _folder.ListAsync()).Count(static block => block.CompactionLevel == 1));
        Assert.Equal(before, (await _folder.ReadAllAsync()).Traces);
    }

    [Fact]
    public async Task A_failure_ends_the_round_when_the_merge_beside_it_has_ended_well()
    {
        var before = await WriteAsync();
        // The first output that comes to the store, at each try.
        string? refused = null;
        var objects = new RefusingStore(_folder.OpenObjects())
        {
            Refuses = key => key.EndsWith("data.parquet", StringComparison.Ordinal) && !_inputs.Contains(key)
                && (Interlocked.CompareExchange(ref refused, key, null) ?? key) == key,
        };
        var running = await _folder.StartAsync(objects, TimeProvider.System);

        await Assert.ThrowsAsync<ObjectStoreException>(running.RunOnceAsync);
        Assert.NotEmpty(running.Loop.LastError);
        // The one that failed has left its two blocks, the one beside it has not, and the third may have been begun before.
        Assert.InRange(running.Blocks.Count(), Hours + 1, Hours + 2);

        objects.Refuses = static _ => false;
        await running.RunOnceAsync();
        Assert.Empty(running.Loop.LastError);
        Assert.Equal(Hours, running.Blocks.Count());
        Assert.Equal(before, (await _folder.ReadAllAsync()).Traces);
    }

    private async Task<Dictionary<string, string[]>> WriteAsync()
    {
        for (var i = 0; i < Hours * 2; i++)
        {
            var block =
                await _folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(i * 10, i * 10 + 10, (ulong)(i / 2 + 1) * HourNano));
            _inputs.Add($"{block.Tenant.Value}/{block.BlockId}/data.parquet");
        }

        return (await _folder.ReadAllAsync()).Traces;
    }
}
