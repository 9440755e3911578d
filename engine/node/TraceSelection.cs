using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;

namespace Tempo.Engine.Node;

/// <summary>Where a trace is looked for. The default is everywhere.</summary>
public readonly record struct TraceSelection
{
    /// <summary>Unix seconds, which only limit the blocks; 0: no bound.</summary>
    public long StartSeconds { get; init; }
    public long EndSeconds { get; init; }

    /// <summary>Not in blocks, or not in what is not a block yet.</summary>
    public bool LeavesOutBlocks { get; init; }
    public bool LeavesOutLive { get; init; }

    /// <summary>Only in blocks whose ids lie between these two; null: no bound.</summary>
    public BlockId? FirstBlock { get; init; }
    public BlockId? LastBlock { get; init; }

    /// <summary>Only in the external service, which is asked only for this, or where it is part of all.</summary>
    public bool IsExternalOnly { get; init; }

    /// <summary>Everywhere, of which ids of blocks take a part.</summary>
    internal bool IsAll => !LeavesOutBlocks && !LeavesOutLive && !IsExternalOnly && FirstBlock is null && LastBlock is null;

    internal TraceSources Of(TraceSources sources)
    {
        if (IsAll) return sources;
        if (IsExternalOnly) return sources with { Live = [], Blocks = [], BlockDamage = "", Damage = "" };
        var (first, last) = (FirstBlock, LastBlock);
        return sources with
        {
            Live = LeavesOutLive ? [] : sources.Live,
            Blocks = LeavesOutBlocks
                ? []
                : [.. sources.Blocks.Where(
                    block => (first is null || block.Meta.BlockId.CompareTo(first.Value) >= 0)
                        && (last is null || block.Meta.BlockId.CompareTo(last.Value) <= 0))],
            // What other nodes did not say may be of both.
            BlockDamage = LeavesOutBlocks ? "" : sources.BlockDamage,
        };
    }
}
