using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Storage.Tests;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>A loop whose round fails goes on, and says why to who asks.</summary>
public sealed class LoopErrorTests
{
    [Fact]
    public async Task The_loop_of_tenant_indexes_outlives_whatever_is_thrown_and_is_heard()
    {
        using var folder = BlockFolder.Create(new NodeOptions { TenantIndexInterval = TimeSpan.FromMilliseconds(1) });
        await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1, 5));
        var objects = new BrokenListing(folder.OpenObjects());
        var running = await folder.StartAsync(folder.OpenObjects(), TimeProvider.System);
        var loop = new TenantIndexLoop(folder.Options, objects, running.State.View.Blocks[0].Store, running.State, new MetricRegistry(),
            Log.Null, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var task = new NodeLoop("tenant-indexes", loop.RunAsync(stop.Token), () => loop.LastError);

        while (task.Error.Length == 0) await Task.Yield();
        Assert.Equal("a bug", task.Error);
        objects.IsBroken = false;
        while (task.Error.Length > 0) await Task.Yield();
        Assert.False(task.Running.IsCompleted);
        await stop.CancelAsync();
        await task.EndAsync();
        Assert.True(task.Running.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_round_of_compaction_that_fails_is_heard_until_one_goes_well()
    {
        using var folder = BlockFolder.Create();
        for (var i = 0; i < 2; i++) await folder.WriteAsync(new BlockWriterOptions(), MergeTests.Request(1, 5));
        var running = await folder.StartAsync(folder.OpenObjects(), TimeProvider.System);
        Directory.Delete(Path.Combine(folder.Root, "work"), recursive: true);
        await Assert.ThrowsAnyAsync<IOException>(running.RunOnceAsync);
        Assert.NotEmpty(running.Loop.LastError);
        Directory.CreateDirectory(Path.Combine(folder.Root, "work"));
        await running.RunOnceAsync();
        Assert.Empty(running.Loop.LastError);
    }

    [Fact]
    public async Task A_loop_that_has_ended_is_an_error()
    {
        Assert.Equal("has ended", new NodeLoop("a", Task.CompletedTask, static () => "").Error);
        var failed = new NodeLoop("a", Task.FromException(new InvalidOperationException("a bug")), static () => "");
        Assert.Equal("has ended: a bug", failed.Error);
        await failed.EndAsync();
    }

    private sealed class BrokenListing(IObjectStore inner) : PassThroughStore(inner)
    {
        private volatile bool _isBroken = true;

        public bool IsBroken
        {
            set => _isBroken = value;
        }

        public override IAsyncEnumerable<ObjectEntry> ListAsync(
            ObjectKey folder, ListScope scope, CancellationToken cancellation = default) =>
                _isBroken ? throw new InvalidOperationException("a bug") : base.ListAsync(folder, scope, cancellation);
    }
}
