using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// The blocks that one query looks into, whatever the query: the one place where blocks are opened for queries, with one rule for
/// each thing that may happen to one. Thread safe.
/// <code>
/// time      a block is scanned if its times meet those asked for. The others are only asked for traces that were found in one of
///           these, and opened if their filter of trace ids says "maybe"
/// opening   when the first row of a block is wanted, the newest block first; how many stay open is bounded by
///           <see cref="Storage.Blocks.Cache.OpenBlocks"/>
/// deleted   traces that somebody deleted (<see cref="TraceSources.Hidden"/>) are nowhere; catalogs of blocks that may hold one are not
///           believed
/// vanished  a block that was deleted while it was read is another one now: the query begins anew with the blocks of then
///           (<see cref="VanishedBlockException"/>), or its answer is partial if nobody would begin it anew
/// damaged   a block that cannot be opened is left out, of one with a damaged part that part; the answer is partial, and says what and how
///           many
/// </code>
/// </summary>
public sealed class QueryBlocks
{
    private readonly Lock _lock = new();
    private readonly HashSet<BlockMeta> _damaged = [];
    private string _damage = "";
    private volatile bool _endsIfVanished;

    private QueryBlocks(TraceSources sources, long startSeconds, long endSeconds)
    {
        Sources = sources;
        _endsIfVanished = sources.EndsIfBlockVanishes;
        All = [.. sources.Blocks.OrderByDescending(static block => block.Meta.LatestSeconds)
            .Select((block, number) => new QueryBlock(this, block, number))];
        InRange = [.. All.Where(block => block.Meta.Overlaps(startSeconds, endSeconds))];
    }

    /// <summary>For a query between two unix seconds; 0: no bound.</summary>
    public static QueryBlocks Of(TraceSources sources, long startSeconds = 0, long endSeconds = 0) =>
        new(sources, startSeconds, endSeconds);

    public TraceSources Sources { get; }

    /// <summary>All blocks, the newest first, in the order of their numbers.</summary>
    public IReadOnlyList<QueryBlock> All { get; }

    /// <summary>Those that are scanned, the newest first.</summary>
    public IReadOnlyList<QueryBlock> InRange { get; }

    /// <summary>What the answer lacks; empty if nothing.</summary>
    public string Damage
    {
        get
        {
            lock (_lock)
            {
                var more = _damaged.Count > 1 ? $" (and {_damaged.Count - 1} more)" : "";
                return Sources.Damage.Length > 0 ? Sources.Damage : Sources.BlockDamage.Length > 0 ? Sources.BlockDamage : _damage + more;
            }
        }
    }

    /// <summary>
    /// A part of a block could not be read. Throws <see cref="VanishedBlockException"/> if the block is not there any more and the query
    /// is to begin anew.
    /// </summary>
    public void Report(BlockMeta block, BlockReadException what)
    {
        if (what.IsGone && _endsIfVanished) throw new VanishedBlockException(block, what);
        var text = what.IsGone
            ? $"block {block.BlockId} was deleted while it was read"
            : $"block {block.BlockId} could not be read: {what.Message}";
        lock (_lock)
            if (_damaged.Add(block) && _damaged.Count == 1)
                _damage = text;
    }

    /// <summary>From now on nobody would begin the query anew: its answer is on its way, and partial if a block vanishes.</summary>
    public void GoOnWithoutVanished() => _endsIfVanished = false;

    /// <summary>May the block hold a trace that is hidden? Its catalog counts that one, too.</summary>
    public bool MayHoldHidden(QueryBlock block) => Sources.Hidden.Any(id => block.Sidecar.MayContainTrace(id, SidecarHash.OfTrace(id)));
}

/// <summary>
/// A block was deleted while a query read it: what it held is in blocks that the query does not know of, so it has to begin anew with
/// the blocks that there are now.
/// </summary>
public sealed class VanishedBlockException(
    BlockMeta block, Exception inner) : Exception($"block {block.BlockId} was deleted while it was read", inner);
