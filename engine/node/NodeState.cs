using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Answers;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>The node's one piece of shared state: the view, replaced whole under a lock and read without one.</summary>
internal sealed class NodeState(NodeOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();

    // Enough for one generation that fills while another is cut.
    private readonly LiveBatchPool _batches =
        new(2 * (options.MaxLiveSpans / LiveBatch.TargetSpanCount + Environment.ProcessorCount + 1), options.LiveMemoryBytes / 2);
    private readonly List<BlockHandle> _dropped = [];

    // In order of time; only of the last hour, which is longer than a listing takes.
    private readonly Queue<(BlockId Block, long At)> _takenOutOrder = [];
    private readonly HashSet<BlockId> _takenOut = [];
    private volatile ViewEpoch _epoch = new(new NodeView([], []), hasPredecessor: false);

    public NodeView View => _epoch.View;

    /// <summary>Blocks that this node brought to the shared store lately.</summary>
    public RecentBlocks Recent { get; } = new(time);

    /// <summary>Compaction or retention took the block out of the view: it does not come back. For use within an update.</summary>
    public bool WasTakenOut(BlockId block) => _takenOut.Contains(block);

    /// <summary>Those of the blocks that this node did not take out itself.</summary>
    public List<BlockId> NotTakenOut(IEnumerable<BlockId> blocks)
    {
        lock (_lock) return [.. blocks.Where(block => !_takenOut.Contains(block))];
    }

    /// <summary>
    /// Blocks whose spans are in this view, or expired: those that are read, and those that compaction has made into others, here or
    /// elsewhere. Whoever else tells of one tells nothing new.
    /// </summary>
    public HashSet<BlockId> BlocksCovered()
    {
        // In this order: of what is taken out in between, the view has what it became.
        HashSet<BlockId> covered;
        lock (_lock) covered = [.. _takenOut];
        var view = View;
        covered.UnionWith(view.Replaced);
        covered.UnionWith(view.Readable.Select(static block => block.Meta.BlockId));
        return covered;
    }

    /// <summary>The same as <see cref="Update"/>, and notes that these blocks are over.</summary>
    public void TakeOut(IReadOnlyCollection<BlockId> blocks, Func<NodeView, NodeView> change) => Update(view =>
    {
        var now = time.GetTimestamp();
        while (_takenOutOrder.TryPeek(out var first) && time.GetElapsedTime(first.At, now) > TimeSpan.FromHours(1))
            _takenOut.Remove(_takenOutOrder.Dequeue().Block);
        foreach (var block in blocks)
            if (_takenOut.Add(block))
                _takenOutOrder.Enqueue((block, now));
        return change(view);
    });

    /// <summary>
    /// The view, held for reading: its live data stays and its blocks stay open until the lease is disposed, which disposes what others
    /// added to it, too.
    /// </summary>
    public ViewLease Acquire(AddedSources? added = null)
    {
        while (true)
        {
            var epoch = _epoch;
            if (!epoch.TryEnter()) continue;
            var view = epoch.View;
            var entered = 0;
            while (entered < view.Generations.Length && view.Generations[entered].TryRead()) entered++;
            if (entered == view.Generations.Length) return new ViewLease(epoch, added);
            while (entered > 0) view.Generations[--entered].EndRead();
            epoch.Leave();
        }
    }

    public void Update(Func<NodeView, NodeView> change)
    {
        ViewEpoch before;
        lock (_lock)
        {
            before = _epoch;
            var next = new ViewEpoch(change(before.View), hasPredecessor: true);
            BlockHandle[] dropped = [.. before.View.Readable.Except(next.View.Readable)];
            before.Precede(next, dropped);
            _dropped.RemoveAll(static block => block.IsClosed);
            _dropped.AddRange(dropped);
            _epoch = next;
        }

        before.Leave();
    }

    /// <summary>Blocks that can be read, or that a query still reads.</summary>
    public HashSet<BlockId> BlocksInUse()
    {
        lock (_lock)
            return [.. View.Readable.Concat(_dropped.Where(static block => !block.IsClosed)).Select(static block => block.Meta.BlockId)];
    }

    /// <summary>A generation has become blocks, and is about to be replaced by them: the last moment to look at its live data.</summary>
    public event Action<Generation>? Leaving;

    /// <summary>Raises <see cref="Leaving"/>.</summary>
    public void TellLeaving(Generation generation) => Leaving?.Invoke(generation);

    /// <summary>Empty live data for a log's generation.</summary>
    public Generation NewGeneration(WalGeneration log)
    {
        var maxAttributeBytes = options.MaxAttributeBytes == 0 ? int.MaxValue : options.MaxAttributeBytes;
        return new Generation(log, new LiveSegment(Environment.ProcessorCount, maxAttributeBytes, _batches));
    }
}

/// <summary>A view whose live data cannot be recycled, and whose blocks cannot be closed, while it is held.</summary>
internal readonly struct ViewLease(ViewEpoch epoch, AddedSources? added) : IDisposable
{
    public NodeView View => epoch.View;

    public void Dispose()
    {
        foreach (var generation in View.Generations) generation.EndRead();
        epoch.Leave();
        added?.Dispose();
    }
}
