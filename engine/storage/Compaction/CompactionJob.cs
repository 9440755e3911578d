using System.Buffers.Binary;
using System.Security.Cryptography;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>Blocks of one tenant that become one.</summary>
public sealed class CompactionJob
{
    /// <param name="inputs">Two or more blocks of one tenant, with equal dedicated columns; in any order.</param>
    public CompactionJob(IEnumerable<BlockMeta> inputs)
    {
        Inputs = [.. inputs.OrderBy(static block => block.BlockId)];
        if (Inputs.Count < 2) throw new ArgumentException($"{Inputs.Count} blocks: there is nothing to bring together", nameof(inputs));
        OutputId = Derive(Inputs, []);
        OutputLevel = Inputs.Max(static block => block.CompactionLevel) + 1;
    }

    private CompactionJob(BlockMeta input, IEnumerable<TraceId> without)
    {
        Inputs = [input];
        OutputId = Derive(Inputs, without.Order());
        OutputLevel = input.CompactionLevel;
    }

    /// <summary>By block id: the order decides which copy of a span is kept, so it may not depend on who made the job.</summary>
    public IReadOnlyList<BlockMeta> Inputs { get; }

    /// <summary>Follows from the ids of the inputs: a job that is done again after a crash writes the same block.</summary>
    public BlockId OutputId { get; }

    public TenantId Tenant => Inputs[0].Tenant;

    public DedicatedColumns DedicatedColumns => Inputs[0].DedicatedColumns;

    public int OutputLevel { get; }

    /// <summary>One block that is written again without some of its traces; the output's id follows from these, too.</summary>
    public static CompactionJob Rewrite(BlockMeta input, IEnumerable<TraceId> without) => new(input, without);

    private static BlockId Derive(IReadOnlyList<BlockMeta> inputs, IEnumerable<TraceId> without)
    {
        var traces = without.ToList();
        var ids = new byte[(inputs.Count + traces.Count) * 16];
        for (var i = 0; i < inputs.Count; i++) inputs[i].BlockId.Value.TryWriteBytes(ids.AsSpan(i * 16), bigEndian: true, out _);
        for (var i = 0; i < traces.Count; i++) traces[i].Write(ids.AsSpan((inputs.Count + i) * 16));
        var hash = SHA256.HashData(ids).AsSpan();
        return BlockId.Derive(BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash[8..]));
    }
}
