using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>
/// A node that is stopped while a merge commits leaves the inputs or the output, not both: readers of blocks that know nothing of
/// compaction would meet the spans twice. After a kill there may be both, until the next start has retired the inputs, which it does at
/// once; our own readers count once what is in both.
/// </summary>
public sealed class StoppedMergeTests : IDisposable
{
    private readonly BlockFolder _folder =
        BlockFolder.Create(new NodeOptions { CompactionPatience = TimeSpan.Zero, CompactionCycle = TimeSpan.FromHours(1) });

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("data.parquet", 2)]
    [InlineData("compacted-from.json", 2)]
    [InlineData("meta.json", 1)]
    [InlineData("meta.compacted.json", 1)]
    public async Task An_orderly_stop_leaves_inputs_or_output(string lastWrite, int expectedBlocks)
    {
        var layout = new BlockWriterOptions();
        await _folder.WriteAsync(layout, MergeTests.Request(1, 2, 3));
        await _folder.WriteAsync(layout, MergeTests.Request(4, 5, 6));
        var (before, _) = await _folder.ReadAllAsync();
        using var stop = new CancellationTokenSource();
        using var objects = new StoppingStore(_folder.OpenObjects(), lastWrite, stop);
        var running = await _folder.StartAsync(objects, new ManualTime(DateTimeOffset.UtcNow));

        await Record.ExceptionAsync(() => running.Loop.RunOnceAsync(stop.Token));

        Assert.True(stop.IsCancellationRequested, $"nothing was written to {lastWrite}");
        Assert.Equal(expectedBlocks, (await _folder.ListAsync()).Count);
        var (after, rows) = await _folder.ReadAllAsync();
        Assert.Equal(before, after);
        Assert.Equal(before.Count, rows);
    }

    // Long before the first round.
    [Fact]
    public async Task After_a_kill_the_start_retires_the_inputs_before_it_waits_for_anything()
    {
        var layout = new BlockWriterOptions();
        await _folder.WriteAsync(layout, MergeTests.Request(1, 2, 3));
        await _folder.WriteAsync(layout, MergeTests.Request(4, 5, 6));
        var (before, _) = await _folder.ReadAllAsync();
        await (await _folder.StartAsync(new KilledStore(_folder.OpenObjects()), new ManualTime(DateTimeOffset.UtcNow))).RunOnceAsync();
        Assert.Equal(3, (await _folder.ListAsync()).Count);

        using var stop = new CancellationTokenSource();
        using var objects = new WatchedStore(_folder.OpenObjects());
        var running = (await _folder.StartAsync(objects, new ManualTime(DateTimeOffset.UtcNow))).Loop.RunAsync(stop.Token);
        for (var input = 0; input < 2; input++)
            Assert.True(await objects.Retired.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
        Assert.Single(await _folder.ListAsync());
        await stop.CancelAsync();
        await running;
        var (after, rows) = await _folder.ReadAllAsync();
        Assert.Equal(before, after);
        Assert.Equal(before.Count, rows);
    }

    /// <summary>As a kill leaves it: no input is marked any more.</summary>
    private sealed class KilledStore(IObjectStore inner) : PassThroughStore(inner)
    {
        public override ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default) =>
            key.LastPart == "meta.compacted.json" ? throw new IOException("killed") : base.PutAsync(key, content, cancellation);
    }

    /// <summary>Tells of each block that is none any more.</summary>
    private sealed class WatchedStore(IObjectStore inner) : PassThroughStore(inner), IDisposable
    {
        public SemaphoreSlim Retired { get; } = new(0);

        public void Dispose() => Retired.Dispose();

        public override async ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default)
        {
            await base.DeleteAsync(key, cancellation);
            if (key.LastPart == "meta.json") Retired.Release();
        }
    }

    /// <summary>The node is told to stop at the moment something of that name has been written.</summary>
    private sealed class StoppingStore(IObjectStore inner, string name, CancellationTokenSource stop) : PassThroughStore(inner), IDisposable
    {
        public void Dispose() => stop.Dispose();

        public override async ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
        {
            await base.PutAsync(key, content, cancellation);
            StopAt(key);
        }

        public override async ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default)
        {
            await base.PutFileAsync(key, path, cancellation);
            StopAt(key);
        }

        private void StopAt(ObjectKey key)
        {
            if (key.ToString().EndsWith("/" + name, StringComparison.Ordinal)) stop.Cancel();
        }
    }
}
