using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Catalog;
using Tempo.SimdBloom;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>
/// Collects a block's sidecar while the block is written, from the dictionaries that its columns get anyway:
/// <code>
/// page        zone map; the codes of the intrinsic texts are counted (attributes were when the page was staged)
/// row group   the distinct pairs of key and value become filters, and go on into the catalog
/// block       ids, zones, catalog; all sections behind a directory
/// </code>
/// </summary>
internal sealed class SidecarBuilder : IDisposable
{
    /// <summary>Filter, index, zones and catalog: one of each.</summary>
    private const int BlockSections = 4;

    /// <summary>Sections of row groups that stay in memory; a cut has one or two row groups, with some 200 KB.</summary>
    private const int MaxMemoryBytes = 1 << 20;

    private const double IdBits = 16; // 1 in 700, in one cache line: a miss should cost no more

    private readonly CatalogBuilder _catalog = new();
    private readonly List<List<ZoneMap>> _zones = [[]];
    private readonly List<(SectionKind Kind, int RowGroup, int SizeBytes, uint Checksum)> _sections = [];
    private readonly SpillBuffer _ofRowGroups;

    /// <param name="spillPath">File for the sections of row groups; null: they stay in memory.</param>
    public SidecarBuilder(string? spillPath = null) => _ofRowGroups = new SpillBuffer(spillPath, MaxMemoryBytes);

    /// <summary>The page is complete.</summary>
    public void AddPage(RowGroupMemory page)
    {
        var (stage, memory) = (page.Stage, page.Sidecar);
        var spans = stage.Spans;
        _zones[^1].Add(ZoneOf(stage));
        Count(memory.Services, stage.ResourceService.AsSpan(0, stage.ResourceCount));
        Count(memory.Names, spans.Name.AsSpan(0, spans.Count));
        Count(memory.StatusMessages, spans.StatusMessage.AsSpan(0, spans.Count));
        Count(memory.RootNames, stage.RootName.AsSpan(0, stage.TraceCount));
        Count(memory.RootServices, stage.RootService.AsSpan(0, stage.TraceCount));
        Count(memory.EventNames, spans.EventName.AsSpan(0, spans.EventCount));
        Count(memory.ScopeNames, stage.ScopeName.AsSpan(0, stage.ScopeCount));
        Count(memory.ScopeVersions, stage.ScopeVersion.AsSpan(0, stage.ScopeCount));
    }

    /// <summary>The row group is complete; its dictionaries are still there.</summary>
    public void EndRowGroup(RowGroupMemory rows)
    {
        var (stage, memory) = (rows.Stage, rows.Sidecar);
        var spans = stage.Spans;
        memory.Filters.Add(_catalog, CatalogScope.Resource, memory.Services, "service.name"u8, stage.ResourceServices);
        AddAttributes(memory, CatalogScope.Resource, stage.ResourceAttributes);
        AddAttributes(memory, CatalogScope.Scope, stage.ScopeAttributes);
        AddAttributes(memory, CatalogScope.Span, spans.Attributes);
        AddAttributes(memory, CatalogScope.Event, spans.EventAttributes);
        AddAttributes(memory, CatalogScope.Link, spans.LinkAttributes);
        AddIntrinsic(memory, memory.Names, CatalogIntrinsics.Name, spans.Names);
        AddIntrinsic(memory, memory.StatusMessages, CatalogIntrinsics.StatusMessage, spans.StatusMessages);
        AddIntrinsic(memory, memory.RootNames, CatalogIntrinsics.RootName, stage.RootNames);
        AddIntrinsic(memory, memory.RootServices, CatalogIntrinsics.RootServiceName, stage.RootServices);
        AddIntrinsic(memory, memory.EventNames, CatalogIntrinsics.EventName, spans.EventNames);
        AddIntrinsic(memory, memory.ScopeNames, CatalogIntrinsics.InstrumentationName, stage.ScopeNames);
        AddIntrinsic(memory, memory.ScopeVersions, CatalogIntrinsics.InstrumentationVersion, stage.ScopeVersions);
        memory.Services.Clear();
        var group = _zones.Count - 1;
        AddSection(SectionKind.KeyFilter, group, memory.Filters.KeyFilter().Span);
        if (memory.Filters.ValueFilter() is { } values) AddSection(SectionKind.ValueFilter, group, values.Span);
        AddSection(SectionKind.Ranges, group, memory.Filters.Ranges());
        memory.Filters.Clear();
        _zones.Add([]);
    }

    /// <summary>
    /// Writes the object, for a block of these ids (ascending) whose data has this size: sections one behind the other as they are
    /// made, and at last what stands before them.
    /// </summary>
    public void WriteTo(Stream output, BlockId block, long dataSizeBytes, TraceIdLog ids)
    {
        var sectionCount = BlockSections + _sections.Count;
        var headSize = SidecarFormat.HeaderSizeBytes + sectionCount * SidecarFormat.EntrySizeBytes;
        var head = new byte[headSize];
        WriteHeader(head, sectionCount, block, dataSizeBytes, ids.Count);
        output.Position = headSize;
        var entry = head.AsSpan(SidecarFormat.HeaderSizeBytes);
        WriteSection(output, ref entry, SectionKind.IdFilter, IdFilter(ids).Span);
        var index = output.Position;
        WriteEntry(ref entry, SectionKind.IdIndex, 0, index, IdIndex.Write(output, ids, out var checksum), checksum);
        WriteSection(output, ref entry, SectionKind.Zones, BlockZones.ToSection(_zones[..RowGroupCount]));
        using var catalog = new NativeBuffer();
        _catalog.WriteSection(catalog);
        WriteSection(output, ref entry, SectionKind.Catalog, catalog.Written);
        var offset = output.Position;
        _ofRowGroups.CopyTo(output);
        foreach (var (kind, rowGroup, size, sum) in _sections)
        {
            WriteEntry(ref entry, kind, rowGroup, offset, size, sum);
            offset += size;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(SidecarFormat.ChecksumAt), ChecksumOf(head));
        output.Position = 0;
        output.Write(head);
    }

    public void Dispose()
    {
        _ofRowGroups.Dispose();
        _catalog.Dispose();
    }

    private static void WriteSection(Stream output, ref Span<byte> entry, SectionKind kind, ReadOnlySpan<byte> section)
    {
        WriteEntry(ref entry, kind, 0, output.Position, section.Length, Crc32C.Compute(section));
        output.Write(section);
    }

    private static void WriteEntry(ref Span<byte> entry, SectionKind kind, int rowGroup, long offset, int size, uint checksum)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(entry, (ushort)kind);
        BinaryPrimitives.WriteInt32LittleEndian(entry[4..], rowGroup);
        BinaryPrimitives.WriteInt64LittleEndian(entry[8..], offset);
        BinaryPrimitives.WriteInt32LittleEndian(entry[16..], size);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[20..], checksum);
        entry = entry[SidecarFormat.EntrySizeBytes..];
    }

    private void AddSection(SectionKind kind, int rowGroup, ReadOnlySpan<byte> section)
    {
        _sections.Add((kind, rowGroup, section.Length, Crc32C.Compute(section)));
        _ofRowGroups.Write(section);
    }

    /// <summary>Of header and directory, the checksum itself left out.</summary>
    internal static uint ChecksumOf(ReadOnlySpan<byte> head) =>
        Crc32C.Compute(head[SidecarFormat.HeaderSizeBytes..], Crc32C.Compute(head[..SidecarFormat.ChecksumAt]));

    private void WriteHeader(Span<byte> bytes, int sectionCount, BlockId block, long dataSizeBytes, long rowCount)
    {
        SidecarFormat.Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[SidecarFormat.VersionAt..], SidecarFormat.Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[SidecarFormat.SectionCountAt..], sectionCount);
        block.Value.TryWriteBytes(bytes[SidecarFormat.BlockIdAt..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[SidecarFormat.DataSizeAt..], dataSizeBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[SidecarFormat.RowCountAt..], rowCount);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[SidecarFormat.RowGroupCountAt..], RowGroupCount);
    }

    private static ReadOnlyMemory<byte> IdFilter(TraceIdLog ids)
    {
        var builder = new SplitBlockBloomBuilder(SplitBlockSizing.SizeBytesFor(ids.Count, IdBits));
        ids.ForEach(some =>
        {
            for (var at = some.Span; !at.IsEmpty; at = at[TraceId.SizeBytes..]) builder.Add(SidecarHash.OfTrace(at[..TraceId.SizeBytes]));
        });
        return builder.BitSet;
    }

    // The last list of zones is that of the row group that did not begin.
    private int RowGroupCount => _zones.Count - 1;

    private void AddAttributes(SidecarMemory memory, CatalogScope scope, AttributeStage stage)
    {
        memory.Filters.Add(_catalog, scope, stage.Facts, stage.Dictionaries.Keys, stage.Dictionaries.Values, stage.Ints.Dictionary);
        foreach (var column in stage.Dedicated)
            memory.Filters.Add(_catalog, scope, column.Facts, column.Key, column.Strings, column.Ints.Dictionary);
    }

    private void AddIntrinsic(SidecarMemory memory, AttributeFacts facts, ReadOnlySpan<byte> name, StringDictionary texts)
    {
        memory.Filters.Add(_catalog, CatalogScope.Intrinsic, facts, name, texts);
        facts.Clear();
    }

    private static void Count(AttributeFacts facts, ReadOnlySpan<int> codes)
    {
        if (codes.IsEmpty) return;
        facts.AddKey(0, CatalogTypes.Text, codes.Length);
        facts.AddTexts(0, codes);
    }

    private static ZoneMap ZoneOf(TraceStage stage)
    {
        var spans = stage.Spans;
        ulong minStart = ulong.MaxValue, maxStart = 0, maxEnd = 0, minDuration = ulong.MaxValue, maxDuration = 0;
        for (var i = 0; i < spans.Count; i++)
        {
            var start = (ulong)spans.Start[i];
            var duration = (ulong)spans.Duration[i];
            // A sum that wraps around could be before the start: such a span ends at the end of time.
            var end = start + duration < start ? ulong.MaxValue : start + duration;
            minStart = Math.Min(minStart, start);
            maxStart = Math.Max(maxStart, start);
            maxEnd = Math.Max(maxEnd, end);
            minDuration = Math.Min(minDuration, duration);
            maxDuration = Math.Max(maxDuration, duration);
        }

        return new ZoneMap
        {
            RowCount = stage.TraceCount,
            SpanCount = spans.Count,
            MinStartUnixNano = minStart,
            MaxStartUnixNano = maxStart,
            MaxEndUnixNano = maxEnd,
            MinDurationNano = minDuration,
            MaxDurationNano = maxDuration,
        };
    }
}
