using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>The node's one piece of shared state: the view, replaced whole under a lock and read without one.</summary>
internal sealed class NodeState(NodeOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();

    // Enough for one generation that fills while another is cut.
    private readonly LiveBatchPool _batches = new(2 * (options.MaxLiveSpans / LiveBatch.TargetSpanCount + Environment.ProcessorCount + 1));
    private volatile NodeView _view = new([], []);

    public NodeView View => _view;

    /// <summary>The view, held for reading: its live data stays until the lease is disposed.</summary>
    public ViewLease Acquire()
    {
        while (true)
        {
            var view = _view;
            var entered = 0;
            while (entered < view.Generations.Length && view.Generations[entered].TryRead()) entered++;
            if (entered == view.Generations.Length) return new ViewLease(view);
            while (entered > 0) view.Generations[--entered].EndRead();
        }
    }

    public void Update(Func<NodeView, NodeView> change)
    {
        lock (_lock) _view = change(_view);
    }

    /// <summary>Empty live data for a log's generation.</summary>
    public Generation NewGeneration(WalGeneration log)
    {
        var maxAttributeBytes = options.MaxAttributeBytes == 0 ? int.MaxValue : options.MaxAttributeBytes;
        return new Generation(log, new LiveSegment(Environment.ProcessorCount, maxAttributeBytes, _batches), time.GetTimestamp());
    }
}

/// <summary>A view whose live data cannot be recycled while it is held.</summary>
internal readonly struct ViewLease(NodeView view) : IDisposable
{
    public NodeView View => view;

    public void Dispose()
    {
        foreach (var generation in view.Generations) generation.EndRead();
    }
}
