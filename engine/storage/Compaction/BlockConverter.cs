using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>Writes a block anew in another format, or with other columns, as a block of its own. The block itself stays.</summary>
public sealed class BlockConverter(BlockStore source, BlockStore target, BlockWriterOptions layout)
{
    /// <summary>
    /// The new block's meta; its id follows from the old one's and the format, so doing it again writes the same. Null if there are
    /// no spans. Throws <see cref="DamagedInputException"/> and what opening and writing throw.
    /// </summary>
    public async Task<BlockMeta?> ConvertAsync(BlockMeta meta, CancellationToken cancellation)
    {
        using var reader = await source.OpenForMergeAsync(meta, cancellation).ConfigureAwait(false);
        var block = new NewBlock
        {
            Tenant = meta.Tenant,
            Id = Derive(meta.BlockId),
            CompactionLevel = meta.CompactionLevel,
            Times = TimeWindow.Of([meta]),
            Layout = layout with { DedicatedColumns = meta.DedicatedColumns },
        };
        return await target.WriteAsync(block, writer => BlockMerge.Run([reader], writer, new MergeMemory(), DeletedTraces.None, RowLimits.OfBlocks, part: 0, cancellation), cancellation).ConfigureAwait(false);
    }

    private BlockId Derive(BlockId block)
    {
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes($"{block} {layout.Version.Name}")).AsSpan();
        return BlockId.Derive(BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash[8..]));
    }
}
