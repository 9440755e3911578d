using Tempo.Engine.Foundation;
using Tempo.SimdBloom;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>A block's bloom-N objects.</summary>
internal static class TraceBloom
{
    /// <summary>A filter that is missing or damaged excludes nothing.</summary>
    public static bool MayContain(IReadOnlyList<byte[]> shards, TraceId id)
    {
        if (shards.Count == 0) return true;
        Span<byte> bytes = stackalloc byte[TraceId.SizeBytes];
        id.Write(bytes);
        var shard = shards[TempoBloomLayout.ShardOf(bytes, shards.Count)];
        return !TempoBloomFilter.TryOpen(shard, out var filter, out _) || filter.MayContain(bytes);
    }
}
