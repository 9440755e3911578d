using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>Blocks of one tenant that become one.</summary>
public sealed class CompactionJob
{
    /// <param name="inputs">Two or more blocks of one tenant; in any order.</param>
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

    /// <summary>
    /// The columns that any of the inputs has, those of the first input first, as far as there is room; of two that differ in no more
    /// than the type the first stays.
    /// </summary>
    public DedicatedColumns DedicatedColumns =>
        Inputs.Skip(1).Aggregate(Inputs[0].DedicatedColumns, static (all, input) => all.Union(input.DedicatedColumns));

    public int OutputLevel { get; }

    /// <summary>The block of a part of what is too large for one row; part 0 is <see cref="OutputId"/>.</summary>
    public BlockId PartId(int part) => part == 0 ? OutputId : Derive(Sha256.HashData(Encoding.ASCII.GetBytes($"{OutputId} {part}")));

    /// <summary>One block that is written again without some of its traces; the output's id follows from these, too.</summary>
    public static CompactionJob Rewrite(BlockMeta input, IEnumerable<TraceId> without) => new(input, without);

    private static BlockId Derive(IReadOnlyList<BlockMeta> inputs, IEnumerable<TraceId> without)
    {
        var traces = without.ToList();
        var ids = new byte[(inputs.Count + traces.Count) * 16];
        for (var i = 0; i < inputs.Count; i++) inputs[i].BlockId.Value.TryWriteBytes(ids.AsSpan(i * 16), bigEndian: true, out _);
        for (var i = 0; i < traces.Count; i++) traces[i].Write(ids.AsSpan((inputs.Count + i) * 16));
        return Derive(Sha256.HashData(ids));
    }

    private static BlockId Derive(ReadOnlySpan<byte> hash) =>
        BlockId.Derive(BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash[8..]));
}
