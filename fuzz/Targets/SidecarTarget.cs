using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Catalog;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A block's sidecar (engine/storage/Blocks/Sidecar/FORMAT.md). Its checksums are made right again first, or nothing but them
/// would be tried. Holds: every question has an answer, the same each time; what it keeps in memory is no more than a small
/// multiple of the object.
/// </summary>
internal sealed class SidecarTarget : IFuzzTarget
{
    private const int HeaderBytes = 56;
    private const int EntryBytes = 24;
    private const int MaxRowGroups = 64;

    public string Name => "sidecar";

    public IReadOnlyList<byte[]> Dictionary { get; } =
        ["TPSIDECR"u8.ToArray(), [0x28, 0xB5, 0x2F, 0xFD], [0xFF, 0xFF, 0xFF, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF]];

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = input.ToArray();
        Restamp(bytes);
        var meta = MetaOf(bytes);
        var cache = new SidecarCache(64 << 20);
        var first = Ask(BlockSidecar.Of(bytes, meta, cache), meta.RowGroupCount);
        var second = Ask(BlockSidecar.Of(bytes, meta, new SidecarCache(64 << 20)), meta.RowGroupCount);
        Oracle.Holds(first == second, "the same sidecar says the same");
        Oracle.Holds(cache.SizeBytes <= bytes.Length * 32_768L + 64, "memory is in proportion to the object");
    }

    private static ulong Ask(BlockSidecar sidecar, int rowGroupCount)
    {
        var said = sidecar.IsPresent ? 1UL : 0;
        Span<long> rows = stackalloc long[BlockSidecar.MaxFoundRows];
        for (var i = 0UL; i < 8; i++)
        {
            var id = new TraceId(i * 0x1F3D_5B79_0246_8ACE, i);
            said = said * 31 + (sidecar.MayContainTrace(SidecarHash.OfTrace(id)) ? 1UL : 0);
            if (sidecar.TryFindRows(id, rows, out var count)) said = said * 31 + (ulong)count;
        }

        for (var group = -1; group <= rowGroupCount; group++)
        {
            var key = SidecarHash.OfKey(CatalogScope.Span, "a"u8);
            said = said * 31 + (sidecar.MayContainKey(group, key) ? 1UL : 0);
            said = said * 31 + (sidecar.MayContainValue(group, SidecarHash.OfText(key, "x"u8)) ? 1UL : 0);
            if (sidecar.TryGetRange(group, key, out _, out _, out _)) said++;
        }

        for (var group = 0; sidecar.Zones is { } zones && group < rowGroupCount; group++)
            said = said * 31 + zones.OfRowGroup(group).MinStartUnixNano + (ulong)zones.Pages(group).Length;
        return said * 31 + Walk(sidecar);
    }

    private static ulong Walk(BlockSidecar sidecar)
    {
        if (sidecar.ReadCatalog() is not { } bytes) return 0;
        var said = 1UL;
        var catalog = new CatalogReader(bytes.Span);
        var steps = 0;
        while (catalog.MoveNext())
        {
            said = said * 31 + (ulong)catalog.Key.Length;
            while (catalog.TryReadValue(out var value)) said = said * 31 + (ulong)value.Text.Length + (ulong)value.Count;
            Oracle.Holds(++steps <= bytes.Length, "a key takes a byte at least");
        }

        return said;
    }

    // Of the block that the sidecar says it is of, if that is one of a size that can be tried.
    private static BlockMeta MetaOf(byte[] bytes)
    {
        var header = bytes.Length >= HeaderBytes ? bytes : new byte[HeaderBytes];
        var groups = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(48));
        return new BlockMeta
        {
            BlockId = new BlockId(new Guid(header.AsSpan(16, 16), bigEndian: true)),
            Tenant = TenantId.Single,
            StartSeconds = 0,
            EndSeconds = 0,
            TotalObjects = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(40)),
            SizeBytes = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32)),
            RowGroupCount = Math.Clamp(groups, 0, MaxRowGroups),
            BloomShardCount = 0,
            FooterSizeBytes = 0,
        };
    }

    private static void Restamp(byte[] bytes)
    {
        if (bytes.Length < HeaderBytes) return;
        var count = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12));
        var end = HeaderBytes;
        for (; count > 0 && end + EntryBytes <= bytes.Length; count--, end += EntryBytes)
        {
            var entry = bytes.AsSpan(end, EntryBytes);
            var offset = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]);
            var size = BinaryPrimitives.ReadUInt32LittleEndian(entry[16..]);
            if (offset > (ulong)bytes.Length || size > (ulong)bytes.Length - offset) continue;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[20..], Crc32C.Compute(bytes.AsSpan((int)offset, (int)size)));
        }

        var checksum = Crc32C.Compute(bytes.AsSpan(HeaderBytes..end), Crc32C.Compute(bytes.AsSpan(0, 52)));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(52), checksum);
    }
}
