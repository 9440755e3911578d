using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Wal;

namespace Tempo.Engine.Node;

/// <summary>The node's one piece of shared state: the view, replaced whole under a lock and read without one.</summary>
internal sealed class NodeState(NodeOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private volatile NodeView _view = new([], []);

    public NodeView View => _view;

    public void Update(Func<NodeView, NodeView> change)
    {
        lock (_lock) _view = change(_view);
    }

    /// <summary>Empty live data for a log's generation.</summary>
    public Generation NewGeneration(WalGeneration log) =>
        new(log, new LiveSegment(Environment.ProcessorCount, options.MaxAttributeBytes), time.GetTimestamp());
}
