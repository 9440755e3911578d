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
    /// no spans. What of a trace is too large for a row goes to further blocks, which are there before (<see cref="BlockCompactor"/>).
    /// Throws <see cref="DamagedInputException"/> and what opening and writing throw.
    /// </summary>
    public async Task<BlockMeta?> ConvertAsync(BlockMeta meta, CancellationToken cancellation)
    {
        using var reader = await source.OpenForMergeAsync(meta, cancellation).ConfigureAwait(false);
        var memory = new MergeMemory { SpillPath = target.SpillPathOf(Derive(meta.BlockId, part: 0)) };
        var parts = 1;
        Task<BlockMeta?> WriteAsync(int part, Func<Task>? beforeMeta) => target.WriteAsync(
            new NewBlock
            {
                Tenant = meta.Tenant,
                Id = Derive(meta.BlockId, part),
                CompactionLevel = meta.CompactionLevel,
                Times = TimeWindow.Of([meta]),
                Layout = layout with { DedicatedColumns = meta.DedicatedColumns },
                IsNotCompacted = part > 0,
            },
            writer =>
            {
                memory.Begin();
                parts = Math.Max(
                    parts, BlockMerge.Run([reader], writer, memory, DeletedTraces.None, RowLimits.OfBlocks, part, cancellation).PartCount);
            },
            cancellation,
            beforeMeta);
        try
        {
            return await WriteAsync(0, async () =>
            {
                for (var part = 1; part < parts; part++)
                    _ = await WriteAsync(part, null).ConfigureAwait(false) ?? throw BlockMerge.IsEmpty(part, parts);
            }).ConfigureAwait(false);
        }
        finally
        {
            memory.Release();
        }
    }

    private BlockId Derive(BlockId block, int part)
    {
        var hash = SHA256.HashData(
            Encoding.ASCII.GetBytes(part == 0 ? $"{block} {layout.Version.Name}" : $"{block} {layout.Version.Name} {part}")).AsSpan();
        return BlockId.Derive(BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash[8..]));
    }
}
