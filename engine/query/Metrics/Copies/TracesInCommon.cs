using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>Finds out which traces two sources have in common.</summary>
internal static class TracesInCommon
{
    /// <summary>Of two blocks: that does not change. None if the ids of one cannot be read.</summary>
    public static InCommon Of(BlockTraces a, BlockTraces b, TraceSlice slice)
    {
        if (a.Block.KnownInCommonWith(b.Block, slice) is { } known) return known;
        if (a.Ids is not { } ids || b.Ids is not { } others) return InCommon.None;
        var (inA, inB) = Places(ids, others);
        var found = a.ReadDigests(inA) is { } digests && b.ReadDigests(inB) is { } otherDigests
            ? Of(ids, inA, digests, inB, otherDigests)
            : AllUnequal(ids, inA);
        a.Block.KeepInCommonWith(b.Block, slice, found);
        return found;
    }

    /// <summary>Of live data and a block. None if the ids of the block cannot be read.</summary>
    public static InCommon Of(LiveCopies live, BlockTraces block)
    {
        if (block.Ids is not { } ids) return InCommon.None;
        var (inLive, inBlock) = Places(live.Ids, ids);
        return block.ReadDigests(inBlock) is { } digests
            ? Of(live.Ids, inLive, live.Digests, inBlock, digests)
            : AllUnequal(live.Ids, inLive);
    }

    private static InCommon Of(TraceId[] ids, List<int> places, SpanSetDigest[] digests, List<int> others, SpanSetDigest[] otherDigests)
    {
        var common = new TraceId[places.Count];
        var unequal = new List<TraceId>();
        for (var i = 0; i < common.Length; i++)
        {
            common[i] = ids[places[i]];
            if (digests[places[i]] != otherDigests[others[i]]) unequal.Add(common[i]);
        }

        return new InCommon(common, [.. unequal]);
    }

    private static InCommon AllUnequal(TraceId[] ids, List<int> places)
    {
        TraceId[] common = [.. places.Select(place => ids[place])];
        return new InCommon(common, common);
    }

    // Where the ids stand that are in both, in each of them. In a block of another writer an id may stand twice: the first one is meant.
    private static (List<int> InA, List<int> InB) Places(TraceId[] a, TraceId[] b)
    {
        var (inA, inB) = (new List<int>(), new List<int>());
        for (int i = 0, j = 0; i < a.Length && j < b.Length;)
        {
            var order = a[i].CompareTo(b[j]);
            if (order == 0)
            {
                inA.Add(i);
                inB.Add(j);
            }

            if (order <= 0) i++;
            if (order >= 0) j++;
        }

        return (inA, inB);
    }
}
