using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Blocklist;

/// <summary>
/// <c>index.pb.zst</c>: a zstd frame of
/// <code>
/// TenantIndex         1 created_at Timestamp   2 meta BlockMeta*   3 compacted_meta CompactedBlockMeta*   100 crc32c fixed32 (ours)
/// BlockMeta           1 version   2 block_id 16 bytes   5 tenant_id   6 start_time   7 end_time   8 total_objects   9 size
///                     10 compaction_level   12 index_page_size   13 total_records   15 bloom_shards   16 footer_size
///                     17 dedicated_columns JSON   18 replication_factor   100 checksums (ours): u32le footer, index, each bloom shard
/// CompactedBlockMeta  1 block_meta   2 compacted_time
/// Timestamp           1 seconds   2 nanos
/// </code>
/// The checksum covers all bytes before its field; readers that do not know it pass over it.
/// </summary>
public static class TenantIndexProtobuf
{
    private const int ZstdLevel = 3;
    private const uint ChecksumTag = (100 << 3) | 5;
    private const int ChecksumSizeBytes = 2 + 4;

    public static byte[] Write(TenantIndex index)
    {
        using var message = new NativeBuffer();
        var writer = new ProtobufWriter(message);
        WriteTime(writer, Bytes(1), index.CreatedAt);
        foreach (var meta in index.Blocks)
        {
            var entry = writer.BeginMessage(Bytes(2));
            WriteMeta(writer, meta);
            writer.EndMessage(entry);
        }

        foreach (var (meta, compactedAt) in index.Compacted)
        {
            var entry = writer.BeginMessage(Bytes(3));
            var inner = writer.BeginMessage(Bytes(1));
            WriteMeta(writer, meta);
            writer.EndMessage(inner);
            WriteTime(writer, Bytes(2), compactedAt);
            writer.EndMessage(entry);
        }

        writer.WriteFixed32(ChecksumTag, Crc32C.Compute(message.Written));
        var packed = new byte[Zstd.MaxCompressedLength(message.Length)];
        return packed[..Zstd.Compress(message.Written, packed, ZstdLevel)];
    }

    /// <summary>
    /// Reads the object; on false the error says what is wrong. Memory: what it unpacks to, up to <see cref="TenantIndex.MaxBytes"/>.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> zstd, out TenantIndex? index, out string error)
    {
        index = null;
        error = "";
        using var message = new NativeBuffer();
        var status = Zstd.Decompress(zstd, message, TenantIndex.MaxBytes);
        if (status != DecompressStatus.Done) error = $"the zstd frame: {status}";
        else if (!IsChecksumRight(message.Written)) error = "the checksum does not match";
        else if (!TryReadIndex(message.Written, out index, out error) && error.Length == 0) error = "malformed protobuf";
        if (error.Length > 0) error = $"index.pb.zst: {error}";
        return error.Length == 0;
    }

    private static void WriteMeta(ProtobufWriter writer, BlockMeta meta)
    {
        Span<byte> id = stackalloc byte[16];
        meta.BlockId.Value.TryWriteBytes(id, bigEndian: true, out _);
        writer.WriteBytes(Bytes(1), Encoding.UTF8.GetBytes(meta.Format));
        writer.WriteBytes(Bytes(2), id);
        writer.WriteBytes(Bytes(5), Encoding.UTF8.GetBytes(meta.Tenant.Value));
        WriteTime(writer, Bytes(6), DateTimeOffset.FromUnixTimeSeconds(meta.StartSeconds));
        WriteTime(writer, Bytes(7), DateTimeOffset.FromUnixTimeSeconds(meta.EndSeconds));
        WriteNumber(writer, 8, meta.TotalObjects);
        WriteNumber(writer, 9, meta.SizeBytes);
        WriteNumber(writer, 10, meta.CompactionLevel);
        WriteNumber(writer, 13, meta.RowGroupCount);
        WriteNumber(writer, 15, meta.BloomShardCount);
        WriteNumber(writer, 16, meta.FooterSizeBytes);
        if (meta.DedicatedColumns.Specs.Count > 0) writer.WriteBytes(Bytes(17), DedicatedJson(meta.DedicatedColumns));
        WriteNumber(writer, 18, meta.ReplicationFactor);
        if (meta.Stray is { } stray) writer.WriteBytes(Bytes(101), StrayBytes(stray));
        if (meta.Checksums is { } checksums) writer.WriteBytes(Bytes(100), ChecksumBytes(checksums));
    }

    private static byte[] StrayBytes(StrayTimes stray)
    {
        var bytes = new byte[2 * sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, stray.StartSeconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(sizeof(long)), stray.EndSeconds);
        return bytes;
    }

    private static StrayTimes? ReadStray(ReadOnlySpan<byte> bytes) => bytes.Length == 2 * sizeof(long)
        ? new StrayTimes(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[sizeof(long)..]))
        : null;

    private static byte[] ChecksumBytes(BlockChecksums checksums)
    {
        uint[] all = [checksums.Footer, checksums.Index, .. checksums.Bloom];
        var bytes = new byte[all.Length * sizeof(uint)];
        for (var i = 0; i < all.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), all[i]);
        return bytes;
    }

    private static BlockChecksums? ReadChecksums(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 2 * sizeof(uint) || bytes.Length % sizeof(uint) != 0) return null;
        var bloom = new uint[bytes.Length / sizeof(uint) - 2];
        for (var i = 0; i < bloom.Length; i++) bloom[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[((i + 2) * sizeof(uint))..]);
        return new BlockChecksums(
            BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[sizeof(uint)..]), bloom);
    }

    private static byte[] DedicatedJson(DedicatedColumns columns)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) BlockMetaJson.WriteList(json, columns);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteTime(ProtobufWriter writer, uint tag, DateTimeOffset time)
    {
        var message = writer.BeginMessage(tag);
        var nanos = time.UtcTicks % TimeSpan.TicksPerSecond * 100;
        writer.WriteVarint(Number(1), (ulong)time.ToUnixTimeSeconds());
        if (nanos != 0) writer.WriteVarint(Number(2), (ulong)nanos);
        writer.EndMessage(message);
    }

    private static void WriteNumber(ProtobufWriter writer, uint field, long value)
    {
        if (value != 0) writer.WriteVarint(Number(field), (ulong)value);
    }

    private static bool IsChecksumRight(ReadOnlySpan<byte> message)
    {
        if (message.Length < ChecksumSizeBytes) return true;
        var tail = new ProtobufReader(message[^ChecksumSizeBytes..]);
        return !tail.TryReadTag(out var tag) || tag != ChecksumTag
            || (tail.TryReadFixed32(out var checksum) && checksum == Crc32C.Compute(message[..^ChecksumSizeBytes]));
    }

    private static bool TryReadIndex(ReadOnlySpan<byte> message, out TenantIndex? index, out string error)
    {
        index = null;
        error = "";
        var createdAt = default(DateTimeOffset);
        var blocks = new List<BlockMeta>();
        var compacted = new List<CompactedBlock>();
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag is not (Field1 or Field2 or Field3))
            {
                if (!reader.TrySkip(tag)) return false;
                continue;
            }

            if (!reader.TryReadBytes(out var entry)) return false;
            if (tag == Field1 && !TryReadTime(entry, out createdAt)) return false;
            if (tag == Field2)
            {
                if (!TryReadMeta(entry, out var meta, out error)) return false;
                blocks.Add(meta!);
            }
            else if (tag == Field3)
            {
                if (!TryReadCompacted(entry, out var block, out error)) return false;
                compacted.Add(block);
            }
        }

        if (reader.HasFailed) return false;
        index = new TenantIndex(createdAt, blocks, compacted);
        return true;
    }

    private static bool TryReadCompacted(ReadOnlySpan<byte> message, out CompactedBlock block, out string error)
    {
        block = default;
        error = "";
        BlockMeta? meta = null;
        var compactedAt = default(DateTimeOffset);
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag is not (Field1 or Field2))
            {
                if (!reader.TrySkip(tag)) return false;
                continue;
            }

            if (!reader.TryReadBytes(out var entry)) return false;
            if (tag == Field1 ? !TryReadMeta(entry, out meta, out error) : !TryReadTime(entry, out compactedAt)) return false;
        }

        if (reader.HasFailed || meta is null) return false;
        block = new CompactedBlock(meta, compactedAt);
        return true;
    }

    private static bool TryReadMeta(ReadOnlySpan<byte> message, out BlockMeta? meta, out string error)
    {
        meta = null;
        error = "";
        ReadOnlySpan<byte> format = default, id = default, tenantText = default, dedicatedJson = default, checksums = default,
            stray = default;
        var (start, end) = (default(DateTimeOffset), default(DateTimeOffset));
        Span<ulong> numbers = stackalloc ulong[19];
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            var field = tag >> WireType.NumberShift;
            if (tag == Number(field) && field < (uint)numbers.Length)
            {
                if (!reader.TryReadVarint(out numbers[(int)field])) return false;
                continue;
            }

            if (tag != Bytes(field) || field is not (1 or 2 or 5 or 6 or 7 or 17 or 100 or 101))
            {
                if (!reader.TrySkip(tag)) return false;
                continue;
            }

            if (!reader.TryReadBytes(out var bytes)) return false;
            if (field == 1) format = bytes;
            else if (field == 2) id = bytes;
            else if (field == 5) tenantText = bytes;
            else if (field == 17) dedicatedJson = bytes;
            else if (field == 100) checksums = bytes;
            else if (field == 101) stray = bytes;
            else if (!(field == 6 ? TryReadTime(bytes, out start) : TryReadTime(bytes, out end))) return false;
        }

        if (reader.HasFailed) return false;
        if (id.Length != 16) error = $"a block id of {id.Length} bytes; 16 belong";
        else if (!TenantId.TryParse(Encoding.UTF8.GetString(tenantText), out var tenant, out error)) return false;
        else if (!TryReadDedicated(dedicatedJson, out var dedicated, out error)) return false;
        else if (numbers[8] > long.MaxValue || numbers[9] > long.MaxValue || numbers[10] > int.MaxValue || numbers[13] > int.MaxValue
            || numbers[15] > int.MaxValue || numbers[16] > int.MaxValue || numbers[18] > int.MaxValue)
            error = "a count that is no count";
        else meta = new BlockMeta
        {
            Format = Encoding.UTF8.GetString(format),
            BlockId = new BlockId(new Guid(id, bigEndian: true)),
            Tenant = tenant,
            StartSeconds = start.ToUnixTimeSeconds(),
            EndSeconds = end.AddTicks(end > DateTimeOffset.MaxValue.AddSeconds(-1) ? 0 : TimeSpan.TicksPerSecond - 1).ToUnixTimeSeconds(),
            TotalObjects = (long)numbers[8],
            SizeBytes = (long)numbers[9],
            CompactionLevel = (int)numbers[10],
            RowGroupCount = (int)numbers[13],
            BloomShardCount = (int)numbers[15],
            FooterSizeBytes = (int)numbers[16],
            DedicatedColumns = dedicated,
            ReplicationFactor = (int)numbers[18],
            Stray = ReadStray(stray),
            Checksums = ReadChecksums(checksums),
        };
        return meta is not null;
    }

    private static bool TryReadDedicated(ReadOnlySpan<byte> json, out DedicatedColumns columns, out string error)
    {
        columns = DedicatedColumns.None;
        error = "";
        if (json.IsEmpty) return true;
        try
        {
            using var document = JsonDocument.Parse(json.ToArray());
            if (document.RootElement.ValueKind == JsonValueKind.Array) error = BlockMetaJson.ReadList(document.RootElement, out columns);
        }
        catch (Exception e) when (BlockMetaJson.IsMalformed(e))
        {
            error = e.Message;
        }

        return error.Length == 0;
    }

    private static bool TryReadTime(ReadOnlySpan<byte> message, out DateTimeOffset time)
    {
        time = default;
        ulong seconds = 0, nanos = 0;
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == Number(1) ? !reader.TryReadVarint(out seconds)
                : tag == Number(2) ? !reader.TryReadVarint(out nanos)
                : !reader.TrySkip(tag))
                return false;
        }

        // Go's zero time is in the year 1, long before 1970.
        if (reader.HasFailed || nanos >= 1_000_000_000 || (long)seconds is < -62_135_596_800 or > 253_402_300_798) return false;
        time = DateTimeOffset.FromUnixTimeSeconds((long)seconds).AddTicks((long)nanos / 100);
        return true;
    }

    private const uint Field1 = (1 << 3) | 2, Field2 = (2 << 3) | 2, Field3 = (3 << 3) | 2;

    private static uint Bytes(uint field) => field << WireType.NumberShift | WireType.LengthDelimited;

    private static uint Number(uint field) => field << WireType.NumberShift | WireType.Varint;
}
