using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Inspect;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests;

/// <summary>A sidecar that excludes what is there, with checksums that are right: verification finds it.</summary>
public sealed class VerifiedSidecarTests
{
    private const int HeaderBytes = 56;
    private const int EntryBytes = 24;
    private const int ChecksumAt = 52;

    public static TheoryData<int, string> Faults => new()
    {
        { 1, "is not in its filter" },
        { 2, "is not found at row" },
        { 3, "outside the zones" },
        { 5, "excludes a key" },
        { 6, "excludes a text" },
        { 7, "the ranges of row group" },
        { 0, "damaged, or of other data" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_fault_is_found(int section, string said)
    {
        using var folder = BlockFolder.Create();
        var requests = new RandomRequests(seed: 4, traceCount: 40);
        var block = await folder.WriteAsync(
            new BlockWriterOptions { PageSpans = 20, RowGroupSpans = 60 }, [.. Enumerable.Range(0, 40).Select(_ => requests.Next())]);
        Assert.Empty((await VerifyAsync(folder, block)).Problems);
        var path = folder.PathOf(block.BlockId, "tempo.sidecar");
        var bytes = await File.ReadAllBytesAsync(path);
        if (section == 0) bytes[^1] ^= 1;
        else Clear(bytes, section);
        await File.WriteAllBytesAsync(path, bytes);
        var report = await VerifyAsync(folder, block);
        Assert.Contains(report.Problems, problem => problem.Contains(said, StringComparison.Ordinal));
    }

    // What the sections of a kind say becomes nothing (the count that a section begins with stays), and the checksums those of that.
    private static void Clear(byte[] sidecar, int kind)
    {
        var sections = BinaryPrimitives.ReadInt32LittleEndian(sidecar.AsSpan(12));
        for (var i = 0; i < sections; i++)
        {
            var entry = sidecar.AsSpan(HeaderBytes + i * EntryBytes, EntryBytes);
            if (BinaryPrimitives.ReadUInt16LittleEndian(entry) != kind) continue;
            var section = sidecar.AsSpan(
                (int)BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadInt32LittleEndian(entry[16..]));
            if (kind == 3) ClearZones(section);
            else section[(kind == 2 ? section.Length - section.Length / 9 : 0)..].Clear();
            BinaryPrimitives.WriteUInt32LittleEndian(entry[20..], Crc32C.Compute(section));
        }

        var head = sidecar.AsSpan(0, HeaderBytes + sections * EntryBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(
            sidecar.AsSpan(ChecksumAt), Crc32C.Compute(head[HeaderBytes..], Crc32C.Compute(head[..ChecksumAt])));
    }

    // Rows and spans stay, times do not.
    private static void ClearZones(Span<byte> section)
    {
        while (!section.IsEmpty)
        {
            var pages = BinaryPrimitives.ReadInt32LittleEndian(section);
            section = section[4..];
            for (; pages > 0; pages--, section = section[48..]) section[8..48].Clear();
        }
    }

    private static async Task<BlockReport> VerifyAsync(BlockFolder folder, BlockMeta block)
    {
        var objects = folder.OpenObjects();
        return await BlockVerifier.VerifyAsync(objects, folder.OpenStore(objects), TenantId.Single, block.BlockId, default);
    }
}
