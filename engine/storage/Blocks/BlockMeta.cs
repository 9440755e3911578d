using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Versions;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// A block's meta.json (storage specification §2): the object whose existence makes the block exist, written last.
/// </summary>
public sealed record BlockMeta
{
    /// <summary>Largest meta.json that is read, in bytes.</summary>
    public const int MaxJsonBytes = 1 << 20;

    public string Format { get; init; } = BlockVersion.Default.Name;
    public required BlockId BlockId { get; init; }
    public required TenantId Tenant { get; init; }

    /// <summary>
    /// Unix seconds: start of the first trace, rounded down. This and the end leave <see cref="Stray"/> out; by them blocks age.
    /// </summary>
    public required long StartSeconds { get; init; }

    /// <summary>Unix seconds: end of the last trace, rounded up.</summary>
    public required long EndSeconds { get; init; }

    /// <summary>Traces.</summary>
    public required long TotalObjects { get; init; }

    /// <summary>Bytes of data.parquet.</summary>
    public required long SizeBytes { get; init; }
    public int CompactionLevel { get; init; }

    /// <summary>Row groups.</summary>
    public required int RowGroupCount { get; init; }
    public required int BloomShardCount { get; init; }

    /// <summary>Bytes of the thrift footer of data.parquet.</summary>
    public required int FooterSizeBytes { get; init; }
    public DedicatedColumns DedicatedColumns { get; init; } = DedicatedColumns.None;

    /// <summary>Always 1 from us: Tempo's metrics queries read no other blocks.</summary>
    public int ReplicationFactor { get; init; } = 1;

    /// <summary>Checksums of the block's other objects; null in a block of another writer.</summary>
    public BlockChecksums? Checksums { get; init; }

    /// <summary>
    /// Of traces that start long before, or end long after, they came in; null if there are none, or another writer's block does not say.
    /// </summary>
    public StrayTimes? Stray { get; init; }

    /// <summary>Start of the first of all traces.</summary>
    public long EarliestSeconds => Math.Min(StartSeconds, Stray?.StartSeconds ?? StartSeconds);

    /// <summary>End of the last of all traces.</summary>
    public long LatestSeconds => Math.Max(EndSeconds, Stray?.EndSeconds ?? EndSeconds);

    /// <summary>True if the block may hold spans between the two unix seconds (0 = no bound).</summary>
    public bool Overlaps(long startSeconds, long endSeconds)
    {
        return Meets(StartSeconds, EndSeconds) || (Stray is { } stray && Meets(stray.StartSeconds, stray.EndSeconds));

        bool Meets(long start, long end) => (endSeconds == 0 || start <= endSeconds) && (startSeconds == 0 || end >= startSeconds);
    }

    /// <summary>meta.json, see <see cref="BlockMetaJson"/>.</summary>
    public byte[] ToJson() => BlockMetaJson.Write(this);

    /// <summary>
    /// Reads a meta.json, ours or Tempo's; unknown keys are ignored. On false <paramref name="error"/> says what is wrong.
    /// </summary>
    public static bool TryParse(ReadOnlyMemory<byte> utf8, out BlockMeta? meta, out string error) =>
        BlockMetaJson.TryRead(utf8, out meta, out error);
}

/// <summary>
/// CRC-32C of what nothing else protects (pages have checksums of their own): a wrong bloom filter or index would hide traces.
/// </summary>
/// <param name="Footer">The thrift footer of data.parquet.</param>
/// <param name="Index">The index object.</param>
/// <param name="Bloom">Each bloom shard.</param>
public sealed record BlockChecksums(uint Footer, uint Index, IReadOnlyList<uint> Bloom)
{
    public bool Equals(BlockChecksums? other) =>
        other is not null && Footer == other.Footer && Index == other.Index && Bloom.SequenceEqual(other.Bloom);

    public override int GetHashCode() => HashCode.Combine(Footer, Index, Bloom.Count);
}
