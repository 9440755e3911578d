using Tempo.Engine.Foundation;
using Tempo.SimdBloom;

namespace Tempo.Perf.Instructions;

/// <summary>Filters of trace ids, of the sidecar and of Tempo's blocks; half of those that are asked for are in it.</summary>
internal static class BloomPieces
{
    private const int Ids = 16 * 1024;

    public static void Count()
    {
        var ids = new byte[Ids * TraceId.SizeBytes];
        new Random(1).NextBytes(ids);
        CountSplitBlock(ids);
        CountTempo(ids);
    }

    private static void CountSplitBlock(byte[] ids)
    {
        var hashes = new ulong[Ids];
        CountedWork.Count("an id", Ids, "XxHash64", () =>
        {
            for (var i = 0; i < Ids; i++) hashes[i] = XxHash64.Hash(IdOf(ids, i));
        });
        var builder = new SplitBlockBloomBuilder(SplitBlockSizing.SizeBytesFor(Ids, bitsPerKey: 10));
        CountedWork.Count("an id", Ids / 2, "add to a split-block filter", () => builder.AddRange(hashes.AsSpan(0, Ids / 2)));
        var found = new ulong[Ids / 64];
        CountedWork.Count("an id", Ids, "ask a split-block filter, all at once", () => builder.Filter.MayContain(hashes, found));
        var hits = 0;
        CountedWork.Count("an id", Ids, "ask a split-block filter, one by one", () =>
        {
            var filter = builder.Filter;
            foreach (var hash in hashes) hits += filter.MayContain(hash) ? 1 : 0;
        });
        if (hits < Ids / 2) throw new InvalidOperationException("the filter does not know what was added");
    }

    private static void CountTempo(byte[] ids)
    {
        var layout = TempoBloomLayout.For(Ids / 2, TempoBloomLayout.DefaultFalsePositiveRate, TempoBloomLayout.DefaultShardSizeBytes);
        var builder = new TempoBloomBuilder(layout);
        builder.AddRange(ids.AsSpan(0, ids.Length / 2));
        var shard = builder.ShardObject(0);
        var hits = 0;
        // As a block is asked: the shard's bytes are looked at anew for each id.
        CountedWork.Count("an id", Ids, "ask a filter of Tempo's", () =>
        {
            for (var i = 0; i < Ids; i++)
                if (TempoBloomFilter.TryOpen(shard.Span, out var filter, out _) && filter.MayContain(IdOf(ids, i)))
                    hits++;
        });
        if (hits < Ids / 2) throw new InvalidOperationException("the filter does not know what was added");
    }

    private static ReadOnlySpan<byte> IdOf(byte[] ids, int index) => ids.AsSpan(index * TraceId.SizeBytes, TraceId.SizeBytes);
}
