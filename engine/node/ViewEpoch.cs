using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node;

/// <summary>
/// A view and who may still read it. Views follow each other, and each is held by its readers, by being the current one, and
/// by the view before it: so when nobody holds a view any more, nobody reads an older one either, and the blocks that its
/// successor does not have can be closed. A reader pays two interlocked operations, however many blocks there are.
/// </summary>
internal sealed class ViewEpoch(NodeView view, bool hasPredecessor)
{
    private int _holders = hasPredecessor ? 2 : 1;
    private ViewEpoch? _next;
    private IReadOnlyList<BlockHandle> _dropped = [];

    public NodeView View => view;

    /// <summary>False if it is over; take the current one then.</summary>
    public bool TryEnter()
    {
        for (var holders = Volatile.Read(ref _holders); holders > 0;)
        {
            var seen = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
            if (seen == holders) return true;
            holders = seen;
        }

        return false;
    }

    /// <summary>
    /// The view that follows, of which this one becomes a holder, and the blocks that it does not have any more. Once, before
    /// this one stops being the current one.
    /// </summary>
    public void Precede(ViewEpoch next, IReadOnlyList<BlockHandle> dropped) => (_next, _dropped) = (next, dropped);

    /// <summary>The last to leave closes what was dropped, and lets go of the next view. A loop: there may be a long row of them.</summary>
    public void Leave()
    {
        for (var epoch = this; epoch is not null && Interlocked.Decrement(ref epoch._holders) == 0; epoch = epoch._next)
            foreach (var block in epoch._dropped)
                block.Close();
    }
}
