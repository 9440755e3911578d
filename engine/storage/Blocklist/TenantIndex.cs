using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Blocklist;

/// <summary>
/// What a tenant's index says (storage specification §3): the blocks there are, and those whose time is over, as of a moment.
/// </summary>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Blocks">The blocks.</param>
/// <param name="Compacted">Blocks that were superseded or have expired and are not deleted yet.</param>
public sealed record TenantIndex(DateTimeOffset CreatedAt, IReadOnlyList<BlockMeta> Blocks, IReadOnlyList<CompactedBlock> Compacted)
{
    /// <summary>Largest index that is read, in bytes, unpacked: some 200,000 blocks.</summary>
    public const int MaxBytes = 128 << 20;
}

/// <summary>A block that is not searched any more.</summary>
/// <param name="Meta">Its meta.</param>
/// <param name="CompactedAt">Since when.</param>
public readonly record struct CompactedBlock(BlockMeta Meta, DateTimeOffset CompactedAt);
