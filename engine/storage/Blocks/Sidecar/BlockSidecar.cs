using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Catalog;
using Tempo.SimdBloom;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>
/// What a block's sidecar says, read when it is first asked for, section by section. Where there is no sidecar, or the part
/// that was asked for is damaged, every answer is the one that excludes nothing. Thread safe.
/// <para>
/// Guarantees: a filter never says no to what is there; <see cref="TryFindRows"/> names every row that may hold the trace.
/// </para>
/// </summary>
public sealed class BlockSidecar
{
    /// <summary>Of a block that has none.</summary>
    public static readonly BlockSidecar None = new(null, null, new SidecarCache(0));

    /// <summary>Read at first: header and directory of a block with some 50 row groups.</summary>
    private const int FirstReadBytes = 4096;

    private readonly ReadSidecar? _read;
    private readonly BlockMeta? _meta;
    private readonly SidecarCache _cache;
    private readonly Lock _lock = new();
    private volatile Lazy? _lazy;
    private BlockZones? _zones;

    // The id filter's section, once the directory is known: asked of every block by every look-up, so it lies at hand.
    private volatile CachedSection? _idFilter;

    internal BlockSidecar(ReadSidecar? read, BlockMeta? meta, SidecarCache cache)
    {
        (_read, _meta, _cache) = (read, meta, cache);
        if (read is null) _lazy = new Lazy(null);
    }

    /// <summary>A sidecar whose bytes are in memory.</summary>
    public static BlockSidecar Of(ReadOnlyMemory<byte> bytes, BlockMeta meta, SidecarCache cache)
    {
        int Read(long offset, Memory<byte> destination)
        {
            var source = offset < bytes.Length ? bytes[(int)offset..] : default;
            var count = Math.Min(source.Length, destination.Length);
            source[..count].CopyTo(destination);
            return count;
        }

        return new BlockSidecar(Read, meta, cache);
    }

    /// <summary>There is one, and its directory is sound.</summary>
    public bool IsPresent => Directory is not null;

    private SidecarDirectory? Directory => (_lazy ?? Open()).Directory;

    /// <summary>False: no span of the row group (resource, scope, event or link, as the scope says) has the key.</summary>
    public bool MayContainKey(int rowGroup, CatalogScope scope, ReadOnlySpan<byte> key) =>
        MayContainKey(rowGroup, SidecarHash.OfKey(scope, key));

    /// <summary>The same by <see cref="SidecarHash.OfKey"/>.</summary>
    public bool MayContainKey(int rowGroup, ulong keyHash) => MayContain(SectionKind.KeyFilter, rowGroup, keyHash);

    /// <summary>False: nowhere in the row group has the key this text, nor is it an element of its array.</summary>
    public bool MayContain(int rowGroup, CatalogScope scope, ReadOnlySpan<byte> key, ReadOnlySpan<byte> text) =>
        MayContainValue(rowGroup, SidecarHash.OfText(SidecarHash.OfKey(scope, key), text));

    /// <summary>The same of a number; an int equals the double of the same value.</summary>
    public bool MayContain(int rowGroup, CatalogScope scope, ReadOnlySpan<byte> key, double number) =>
        MayContainValue(rowGroup, SidecarHash.OfNumber(SidecarHash.OfKey(scope, key), number));

    /// <summary>The same of a bool.</summary>
    public bool MayContain(int rowGroup, CatalogScope scope, ReadOnlySpan<byte> key, bool value) =>
        MayContainValue(rowGroup, SidecarHash.OfBool(SidecarHash.OfKey(scope, key), value));

    /// <summary>There is a filter of keys with their values: it has been asked when <see cref="MayContainValue"/> says "maybe".</summary>
    public bool HasValueFilter(int rowGroup) => Section(SectionKind.ValueFilter, rowGroup) is not null;

    /// <summary>The same by the hash of key and value: <see cref="SidecarHash.OfText"/> and its like.</summary>
    public bool MayContainValue(int rowGroup, ulong valueHash) => MayContain(SectionKind.ValueFilter, rowGroup, valueHash);

    /// <summary>
    /// Smallest and largest number (int or double) of the key in the row group. False if that is not known; with
    /// <paramref name="isAbsent"/> it is known that there is none.
    /// </summary>
    public bool TryGetRange(int rowGroup, ulong keyHash, out double min, out double max, out bool isAbsent)
    {
        min = max = 0;
        isAbsent = false;
        if (Section(SectionKind.Ranges, rowGroup) is not { } ranges || ranges.Length % SidecarFormat.RangeSizeBytes != 0) return false;
        int low = 0, high = ranges.Length / SidecarFormat.RangeSizeBytes;
        while (low < high)
        {
            var middle = (low + high) / 2;
            var entry = ranges.AsSpan(middle * SidecarFormat.RangeSizeBytes);
            var hash = BinaryPrimitives.ReadUInt64LittleEndian(entry);
            if (hash == keyHash)
            {
                min = BinaryPrimitives.ReadDoubleLittleEndian(entry[8..]);
                max = BinaryPrimitives.ReadDoubleLittleEndian(entry[16..]);
                return true;
            }

            if (hash < keyHash) low = middle + 1;
            else high = middle;
        }

        isAbsent = true;
        return false;
    }

    /// <summary>Times and durations of row groups and pages; null if they are not known.</summary>
    public BlockZones? Zones
    {
        get
        {
            if (_zones is { } known) return known;
            if (_meta is null || Section(SectionKind.Zones, 0) is not { } section) return null;
            return _zones = BlockZones.TryRead(section, _meta.RowGroupCount, _meta.TotalObjects);
        }
    }

    /// <summary>What the spans' start times of a row group lie between, unix nanoseconds inclusive; all time if it is not known.</summary>
    public (ulong Min, ulong Max) StartTimes(int rowGroup) =>
        Zones?.OfRowGroup(rowGroup) is { } zone ? (zone.MinStartUnixNano, zone.MaxStartUnixNano) : (0, ulong.MaxValue);

    /// <summary>The same of durations, nanoseconds.</summary>
    public (ulong Min, ulong Max) Durations(int rowGroup) =>
        Zones?.OfRowGroup(rowGroup) is { } zone ? (zone.MinDurationNano, zone.MaxDurationNano) : (0, ulong.MaxValue);

    /// <summary>There is a filter of trace ids, so that no other one need be read.</summary>
    public bool HasIdFilter => Section(SectionKind.IdFilter, 0) is not null;

    /// <summary>False: the block does not hold the trace. The hash is <see cref="SidecarHash.OfTrace"/>.</summary>
    public bool MayContainTrace(ulong traceHash) =>
        _idFilter?.Use() is { } bits ? MayContain(bits, traceHash) : MayContain(SectionKind.IdFilter, 0, traceHash);

    /// <summary>The same, and of the few that the filter lets through wrongly the index excludes all but one in a thousand.</summary>
    public bool MayContainTrace(TraceId id, ulong traceHash)
    {
        if (!MayContainTrace(traceHash)) return false;
        Span<long> rows = stackalloc long[MaxFoundRows];
        return !TryFindRows(id, rows, out var count) || count > 0;
    }

    /// <summary>
    /// The rows of the block that may hold the trace; no other does. Nearly always none or one. False if there is no index.
    /// <paramref name="rows"/> has room for <see cref="MaxFoundRows"/>.
    /// </summary>
    public bool TryFindRows(TraceId id, Span<long> rows, out int count)
    {
        count = 0;
        if (_meta is null || Section(SectionKind.IdIndex, 0) is not { } index || !IdIndex.IsSound(index, _meta.TotalObjects)) return false;
        count = IdIndex.Find(index, id, SidecarHash.OfTrace(id), rows);
        return true;
    }

    /// <summary>Most rows that <see cref="TryFindRows"/> finds.</summary>
    public const int MaxFoundRows = SidecarFormat.FenceRows;

    /// <summary>The catalog's bytes for a <see cref="CatalogReader"/>; null if there is none.</summary>
    public ReadOnlyMemory<byte>? ReadCatalog() => Section(SectionKind.Catalog, 0) is { } catalog ? catalog : (ReadOnlyMemory<byte>?)null;

    /// <summary>The block is gone: nothing of it is kept in memory any more.</summary>
    public void Close()
    {
        if (_lazy?.Directory is { } directory) _cache.Close(directory.All.Select(static section => section.Cached));
    }

    private bool MayContain(SectionKind kind, int rowGroup, ulong hash) =>
        Section(kind, rowGroup) is not { } bits || MayContain(bits, hash);

    private static bool MayContain(byte[] bits, ulong hash) =>
        !SplitBlockBloomFilter.TryOpen(bits, out var filter, out _) || filter.MayContain(hash);

    // Null: not there, or not to be had.
    private byte[]? Section(SectionKind kind, int rowGroup) =>
        Directory?.Find(kind, rowGroup) is { } section ? section.Cached.Use() ?? Load(section) : null;

    private byte[]? Load(SidecarSection section)
    {
        lock (_lock)
        {
            if (section.Cached.Use() is { } loaded) return loaded;
            if (section.IsDamaged) return null;
            try
            {
                var bytes = ReadSection(section);
                if (bytes is not null) _cache.Keep(section.Cached, bytes);
                else
                {
                    section.IsDamaged = true;
                    _cache.CountDamaged();
                }

                return bytes;
            }
            catch (Exception e) when (e is IOException or ObjectStoreException)
            {
                // May pass; this question is answered without.
                return null;
            }
        }
    }

    private byte[]? ReadSection(SidecarSection section)
    {
        if (!Reaches(section.Offset + section.SizeBytes)) return null;
        var bytes = new byte[section.SizeBytes];
        if (_read!(section.Offset, bytes) != bytes.Length || Crc32C.Compute(bytes) != section.Checksum) return null;
        return section.Kind == SectionKind.Catalog ? Decompress(bytes) : bytes;
    }

    // Whether the object is that long: memory is taken for what is there, not for what a directory says.
    private bool Reaches(long end)
    {
        return end <= FirstReadBytes || _read!(end - 1, new byte[1]) == 1;
    }

    private static byte[]? Decompress(byte[] bytes)
    {
        if (!BinaryPrimitives.TryReadInt32LittleEndian(bytes, out var size) || size is < 0 or > SidecarFormat.MaxCatalogBytes
            || size > (long)bytes.Length * Zstd.MaxRatio)
            return null;
        var catalog = new byte[size];
        return Zstd.TryDecompress(bytes.AsSpan(4), catalog, out var written) && written == size ? catalog : null;
    }

    private Lazy Open()
    {
        lock (_lock)
        {
            if (_lazy is { } opened) return opened;
            try
            {
                var directory = ReadDirectory();
                _idFilter = directory?.Find(SectionKind.IdFilter, 0)?.Cached;
                return _lazy = new Lazy(directory);
            }
            catch (Exception e) when (e is IOException or ObjectStoreException)
            {
                return new Lazy(null); // tried again by the next question
            }
        }
    }

    private SidecarDirectory? ReadDirectory()
    {
        var first = new byte[FirstReadBytes];
        var count = _read!(0, first);
        if (count < 0)
        {
            _cache.CountMissing();
            return null;
        }

        var head = first[..count];
        var size = SidecarDirectory.HeadSizeBytes(head, out _);
        if (size > count && count == FirstReadBytes && Reaches(size))
        {
            head = new byte[size];
            if (_read(0, head) is var read && read < size) head = head[..Math.Max(0, read)];
        }
        else if (size >= 0 && size < count)
        {
            head = head[..size];
        }

        var directory = SidecarDirectory.TryRead(head, _meta!, out _);
        if (directory is null) _cache.CountDamaged();
        return directory;
    }

    /// <summary>What opening came to.</summary>
    private sealed record Lazy(SidecarDirectory? Directory);
}

/// <summary>
/// Fills the destination from the offset of the sidecar and returns how much was there; -1 if there is no sidecar. Throws
/// <see cref="IOException"/> or <see cref="ObjectStoreException"/> if it cannot be read now.
/// </summary>
internal delegate int ReadSidecar(long offset, Memory<byte> destination);
