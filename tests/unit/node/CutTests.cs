using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Node.Promotion;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>Several generations are written at once, and each of them once.</summary>
public sealed class CutTests : IAsyncDisposable
{
    private const int MaxRunning = 3;
    private readonly BlockFolder _folder = BlockFolder.Create(new NodeOptions { MaxRunningCuts = MaxRunning });
    private readonly HoldingStore _objects;
    private readonly WriteAheadLog _log;
    private readonly NodeState _state;
    private readonly GenerationWriter _writer;
    private readonly NodeMetrics _node;
    private readonly CutLoop _cuts;

    public CutTests()
    {
        _objects = new HoldingStore(_folder.OpenObjects());
        var metrics = new MetricRegistry();
        _log = WriteAheadLog.Open(new PosixDisk(Path.Combine(_folder.Root, "wal")), "", new WalOptions { SegmentBytes = 1 << 20 }, metrics);
        _state = new NodeState(_folder.Options, TimeProvider.System);
        _state.Update(_ => new NodeView([_state.NewGeneration(_log.Current)], []));
        _node = new NodeMetrics(metrics);
        _writer = new GenerationWriter(_folder.Options, _log, _folder.OpenStore(_objects),
            new ColumnPromotion(_folder.Options with { AutoPromote = false }, DedicatedColumns.None, _state, Log.Null, TimeProvider.System),
            _state, _node, Log.Null);
        _cuts = new CutLoop(_folder.Options, _log, _writer, _state, _node, Log.Null, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _cuts.DisposeAsync();
        _log.Dispose();
        _objects.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task As_many_are_written_at_once_as_the_limit_says()
    {
        List<Task> flushes = [];
        for (var i = 0; i < 5; i++) flushes.Add(await FlushNewSpansAsync(i));
        await _objects.ArrivalsAsync(MaxRunning);
        Assert.Equal((MaxRunning, 5, 0), (_objects.Waiting, _state.View.Waiting.Length, _state.View.Blocks.Length));

        _objects.Open(1);
        await _objects.ArrivalsAsync(1);
        Assert.Equal((MaxRunning, 4, 1), (_objects.Waiting, _state.View.Waiting.Length, _state.View.Blocks.Length));
        _objects.Open(4);
        await Task.WhenAll(flushes);
        Assert.Equal((0, 5), (_state.View.Waiting.Length, _state.View.Blocks.Length));
        Assert.Equal(5, _state.View.Blocks.Select(static block => block.Meta.BlockId).Distinct().Count());
    }

    [Fact]
    public async Task One_that_fails_is_heard_and_does_not_keep_the_others()
    {
        var first = await FlushNewSpansAsync(0);
        await _objects.ArrivalsAsync(1);
        _objects.Fails = true;
        _objects.Open(1);
        Assert.Contains(
            "the door is shut", (await Assert.ThrowsAsync<ObjectStoreException>(() => first)).Message, StringComparison.Ordinal);
        Assert.Contains("the door is shut", _cuts.LastError, StringComparison.Ordinal);
        Assert.Single(_state.View.Waiting);

        _objects.Fails = false;
        _objects.Open(2);
        await await FlushNewSpansAsync(1);
        Assert.Equal((0, 2, ""), (_state.View.Waiting.Length, _state.View.Blocks.Length, _cuts.LastError));
    }

    [Fact]
    public async Task A_round_that_fails_beside_the_cuts_is_heard_until_one_goes_well()
    {
        var time = new BrokenTime();
        await using var cuts = new CutLoop(_folder.Options, _log, _writer, _state, _node, Log.Null, time);
        using var stop = new CancellationTokenSource();
        var running = cuts.RunAsync(stop.Token);
        while (time.Thrown < 2) await Task.Yield();
        Assert.Equal("a bug", cuts.LastError);

        time.IsBroken = false;
        while (cuts.LastError.Length > 0) await Task.Yield();
        Assert.False(running.IsCompleted);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_cut_does_not_begin_before_the_last_request_has_left()
    {
        var first = await FlushNewSpansAsync(0);
        await _objects.ArrivalsAsync(1);
        var rolled = _state.View.Current;
        Assert.True(rolled.TryEnter());
        var second = await FlushNewSpansAsync(1);

        // The first one's end starts whatever waits, and the second has rolled but is not sealed.
        _objects.Open(1);
        await first;
        var began = await _objects.HasArrivalAsync(TimeSpan.FromMilliseconds(300));
        rolled.Live.Append(TenantId.Single, MergeTests.Request(8, 9));
        rolled.Leave();
        _objects.Open(1);
        Assert.False(began, "a cut began while a request was still writing");
        await second;
        Assert.Equal(2, _state.View.Blocks.Max(static block => block.Meta.TotalObjects));
    }

    [Fact]
    public async Task A_stop_ends_the_cuts_that_are_under_way()
    {
        var flush = await FlushNewSpansAsync(0);
        await _objects.ArrivalsAsync(1);
        await _cuts.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flush);
        Assert.Single(_state.View.Waiting);
        Assert.Empty(_cuts.LastError);
    }

    [Fact]
    public async Task What_comes_slowly_is_cut_when_it_is_smaller()
    {
        var time = new ManualTime(DateTimeOffset.UnixEpoch.AddYears(50));
        await using var cuts =
            new CutLoop(new NodeOptions { SlowLiveSpans = 3, MaxLiveSpans = 1000 }, _log, _writer, _state, _node, Log.Null, time);
        var (fast, slow, tenants) =
            (_state.NewGeneration(_log.Current), _state.NewGeneration(_log.Current), _state.NewGeneration(_log.Current));
        foreach (var generation in (Generation[])[fast, slow, tenants])
        {
            generation.Fill(time);
            for (var i = 0; i < 3; i++) generation.Live.Append(TenantId.Single, MergeTests.Request(i + 1, i + 2));
        }

        Assert.False(cuts.IsFull(fast));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(cuts.IsFull(slow));
        // As many blocks as tenants each time would be too many.
        for (var i = 0; i < 4; i++)
            tenants.Live.Append(TenantId.TryParse($"another-{i}", out var tenant, out _) ? tenant : default, MergeTests.Request(1, 2));
        Assert.False(cuts.IsFull(tenants));
    }

    // Whatever an operator writes for a block's bytes: with little memory three of those would not fit.
    [Theory]
    [InlineData(long.MaxValue, 300, true)]
    [InlineData(30, long.MaxValue, true)]
    [InlineData(long.MaxValue, 1 << 20, false)]
    public async Task A_cut_is_a_third_of_the_memory_of_live_data_at_the_most(long maxLiveBytes, long memoryBytes, bool isFull)
    {
        await using var cuts = new CutLoop(new NodeOptions { MaxLiveBytes = maxLiveBytes, LiveMemoryBytes = memoryBytes }, _log, _writer,
            _state, _node, Log.Null, TimeProvider.System);
        var generation = _state.NewGeneration(_log.Current);
        generation.Live.Append(TenantId.Single, MergeTests.Request(1, 2, 3));
        Assert.True(generation.Live.ByteCount > 30);
        Assert.Equal(isFull, cuts.IsFull(generation));
    }

    // Nothing is cut here, as where cuts do not keep up.
    [Fact]
    public void There_is_no_room_once_live_data_takes_its_memory()
    {
        var live = _state.View.Current.Live;
        live.Append(TenantId.Single, MergeTests.Request(1, 2, 3));
        var taken = live.MemoryBytes;
        Assert.Empty(Room(taken).Reason);
        Assert.Contains($"spans that take {taken} bytes of memory wait", Room(taken - 1).Reason, StringComparison.Ordinal);

        IngestRoom Room(long memoryBytes) =>
            new IngestPipeline(
                new NodeOptions { LiveMemoryBytes = memoryBytes }, _log, () => _state.View, _cuts, _node, null!, TimeProvider.System).Room;
    }

    [Fact]
    public async Task A_group_is_on_its_way_with_all_its_requests_and_bytes()
    {
        IngestPipeline? pipeline = null;
        IngestRoom most = default;
        var disk = new FlakyDisk(new PosixDisk(Path.Combine(_folder.Root, "another")), _ =>
        {
            if (pipeline?.Room is { } room && room.Storing > most.Storing) most = room;
            return null;
        });
        using var log = WriteAheadLog.Open(disk, "", new WalOptions { SegmentBytes = 1 << 20 }, new MetricRegistry());
        var limits = TenantLimits.BuiltIn with
        {
            Ingestion = TenantLimits.BuiltIn.Ingestion with { MaxTracesPerUser = 0 },
            Global = TenantLimits.BuiltIn.Global with { MaxBytesPerTrace = 0 },
        };
        var state = new NodeState(_folder.Options, TimeProvider.System);
        state.Update(_ => new NodeView([state.NewGeneration(log.Current)], []));
        pipeline = new IngestPipeline(
            new NodeOptions { Overrides = new TenantOverrides(limits) }, log, () => state.View, _cuts, _node, null!, TimeProvider.System);
        using var bytes = new NativeBuffer();
        var group = new RequestGroup(TenantId.Single, isCounted: false, bytes);
        for (var request = 1; request <= 3; request++)
        {
            bytes.Append(MergeTests.Request(request, request + 1));
            group.End();
        }

        await pipeline.IngestReplicasAsync(group);
        Assert.All(group.Outcomes, static outcome => Assert.Equal(IngestStatus.Accepted, outcome.Status));
        Assert.Equal((3, bytes.Length), (most.Storing, most.StoringBytes));
        Assert.Equal((0, 0), (pipeline.Room.Storing, pipeline.Room.StoringBytes));
    }

    // Adds a span to the current generation and begins a flush, which has rolled when this returns.
    private async Task<Task> FlushNewSpansAsync(int trace)
    {
        var before = _state.View.Current;
        before.Live.Append(TenantId.Single, MergeTests.Request(trace + 1, trace + 2));
        var flush = _cuts.CutAsync(default);
        while (_state.View.Current == before && !flush.IsCompleted) await Task.Yield();
        return flush;
    }

    // Its timers end at once; what asks it for the time fails.
    private sealed class BrokenTime : TimeProvider
    {
        private volatile bool _isBroken = true;
        private volatile int _thrown;

        public bool IsBroken
        {
            set => _isBroken = value;
        }

        public int Thrown => _thrown;

        public override long GetTimestamp()
        {
            if (!_isBroken) return base.GetTimestamp();
            _thrown++;
            throw new InvalidOperationException("a bug");
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
