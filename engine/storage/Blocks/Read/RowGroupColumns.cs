using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// The columns of one row group, loaded one after the other for the same range of rows, by their logical paths
/// (<see cref="BlockVersion"/>). Keeps their readers with page lists and dictionaries. Throws <see cref="ParquetFormatException"/> for what
/// does not fit together.
/// </summary>
internal sealed partial class RowGroupColumns(
    ParquetFileReader file, int rowGroup, BlockColumnMap map, ReadMemory memory, BlockReader block)
{
    private readonly long _rowsOfGroup = file.RowGroups[rowGroup].RowCount;
    private readonly Dictionary<string, ColumnReader> _readers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PageBounds> _bounds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StringTable> _tables = new(StringComparer.Ordinal);

    // Rows before it were read ahead, of these columns; and those before the other one, of all.
    private long _aheadEnd;
    private readonly HashSet<string> _aheadPaths = new(StringComparer.Ordinal);
    private long _allAheadEnd;
    private bool _isScan;
    private IParquetSource? _source;

    // What came near of a far file is kept until it is read.
    private IParquetSource Source =>
        _source ??= !file.IsFar ? file.Source
            : Ahead is { } ahead ? ahead.SourceOf(file.Source)
            : new ReadAheadSource(file.Source, new ReadAheadParts());

    /// <summary>First of the rows that are loaded.</summary>
    public long RowStart { get; private set; }

    public int RowCount { get; private set; }

    /// <summary>What was loaded last.</summary>
    public ColumnData Data => memory.Column;

    /// <summary>Says which rows are loaded from now on.</summary>
    public void Select(long rowStart, int rowCount)
    {
        RowStart = rowStart;
        RowCount = rowCount;
    }

    /// <summary>The selected rows of all columns are read next. Nothing happens if the block is near, here and below.</summary>
    public void PrefetchAll()
    {
        if (file.IsFar) ParquetFileReader.Prefetch([.. map.Columns.Keys.Select(Reader)], RowStart, RowCount);
    }

    /// <summary>Rows of all columns will be read, though not yet known which: <paramref name="byBounds"/> of their pages.</summary>
    public void PrefetchIndexes(bool byBounds = false)
    {
        if (file.IsFar) ParquetFileReader.PrefetchIndexes([.. map.Columns.Keys.Select(Reader)], byBounds);
    }

    /// <summary>What was read of other row groups; null for a near block, and for who reads little.</summary>
    public ReadAhead? Ahead { get; init; }

    /// <summary>
    /// Rows will be read, of the columns that were read before and perhaps of others; those behind them as well if
    /// <paramref name="isScan"/>. What fails is left to the read.
    /// </summary>
    public void PrefetchLike(long rowStart, int rowCount, bool isScan)
    {
        _isScan = isScan;
        if (Ahead is not { Paths.Count: > 0 } || rowStart + rowCount <= _aheadEnd) return;
        _aheadPaths.Clear();
        _aheadPaths.UnionWith(Ahead.Paths);
        _aheadEnd = PrefetchFrom(rowStart, rowCount, Ahead.Paths.Where(map.Has));
    }

    // The selected rows of a column are read. If they were not read ahead, nobody knows what else will be read beside them: all of it comes
    // near, in one round trip instead of one for each column.
    private void Approach(string path)
    {
        if (Ahead is not { } ahead) return;
        ahead.Note(path);
        var end = RowStart + RowCount;
        if (end <= _allAheadEnd || end <= _aheadEnd && _aheadPaths.Contains(path)) return;
        _allAheadEnd = PrefetchFrom(RowStart, RowCount, map.Columns.Keys);
    }

    // The row behind the last that came near.
    private long PrefetchFrom(long rowStart, int rowCount, IEnumerable<string> paths)
    {
        try
        {
            var readers = paths.Select(Reader).ToArray();
            var bytesOfRow = readers.Sum(static reader => reader.Chunk.CompressedSizeBytes) / Math.Max(1, _rowsOfGroup);
            var rest = (int)Math.Min(_rowsOfGroup - rowStart, int.MaxValue);
            var rows = _isScan && bytesOfRow * rest <= ReadAhead.MaxBytes ? rest : rowCount;
            ParquetFileReader.Prefetch(readers, rowStart, rows);
            return rowStart + rows;
        }
        catch (Exception e) when (BlockReadException.IsOfReading(e))
        {
            return rowStart + rowCount; // who reads it hears of it
        }
    }

    /// <summary>Whether the block's version has such a column.</summary>
    public bool Has(string path) => map.Has(path);

    /// <summary>Reads the rows of a column; the result is in <see cref="Data"/> until the next call.</summary>
    public void Load(string path) => Load(path, Data);

    /// <summary>
    /// The strings that the codes of the last <see cref="Load"/> of this column mean: the chunk's dictionary itself, which is
    /// shared, or a copy in <paramref name="own"/>.
    /// </summary>
    public StringTable Table(string path, ref RefilledStringTable? own) => Table(path, Data, ref own);

    /// <summary>
    /// Both at once: what is not the dictionary's is decoded into <paramref name="own"/> and not copied. <see cref="Data"/> has no table
    /// then.
    /// </summary>
    public StringTable LoadTexts(string path, ref RefilledStringTable? own)
    {
        own ??= new RefilledStringTable();
        own.Exchange(Data);
        var isDictionary = false;
        try
        {
            Load(path);
            isDictionary = Reader(path).LoadedDictionary is { } dictionary && ReferenceEquals(dictionary.Strings, Data.Table);
        }
        finally
        {
            own.Exchange(Data);
        }

        return isDictionary ? Table(path, ref own) : own.Filled();
    }

    /// <summary>
    /// Offsets of the children of each owner, from the levels of the column, which is the one last loaded: an entry that repeats
    /// at the owner's level or above begins an owner (if it is defined that far), an entry defined one level further is a child.
    /// </summary>
    public void Starts(string path, int ownerCount, ref int[] target) => Starts(path, Data, ownerCount, ref target);

    /// <summary>Marks in <see cref="ReadMemory.Marks"/> which owners have values in the column, which is the one last loaded.</summary>
    public void MarkOwners(string path, int ownerCount, ReadMemory memory)
    {
        var child = Reader(path).Column;
        var ownerRepetition = child.MaxRepetitionLevel - (child.Node.Repetition == Repetition.Optional ? 0 : 1);
        var repetition = Data.RepetitionLevels.AsSpan(0, Data.LevelCount);
        if (repetition.Length > 0 && repetition[0] > ownerRepetition)
            throw new ParquetFormatException($"column '{path}': a value before its first owner");
        var words = (repetition.Length + 63) / 64;
        var begins = ColumnMemory.Take(ref memory.Begins, words);
        var values = ColumnMemory.Take(ref memory.Values, words);
        var repeats = Span<ulong>.Empty;
        LevelBits.MarkAtLeast(Data.DefinitionLevels.AsSpan(0, Data.LevelCount), (byte)(child.MaxDefinitionLevel - 1), begins);
        LevelBits.MarkAtLeast(Data.DefinitionLevels.AsSpan(0, Data.LevelCount), (byte)child.MaxDefinitionLevel, values);
        if (repetition.ContainsAnyExceptInRange((byte)0, (byte)ownerRepetition))
            LevelBits.MarkAtLeast(repetition, (byte)(ownerRepetition + 1), repeats = ColumnMemory.Take(ref memory.Repeats, words));
        var owners = memory.Marks.Fill(repetition.Length, Data.ValueCount, begins, values, repeats);
        if (owners != ownerCount) throw new ParquetFormatException($"column '{path}': {owners} owners where the tree has {ownerCount}");
    }

    /// <summary>The column's reader, opened if it is not.</summary>
    public ColumnReader Reader(string path)
    {
        if (!_readers.TryGetValue(path, out var reader))
            _readers.Add(path, reader = file.OpenColumn(rowGroup, map[path], memory.IsOnePass, Source));
        return reader;
    }

    /// <summary>Bounds of its pages; <see cref="Read.PageBounds.Unknown"/> if the file has none.</summary>
    public PageBounds PageBounds(string path)
    {
        if (_bounds.TryGetValue(path, out var known)) return known;
        var bounds = block.PageBoundsOf(rowGroup, Reader(path));
        _bounds.Add(path, bounds);
        return bounds;
    }

    /// <summary>Loads a string column of <paramref name="count"/> values.</summary>
    public void Text(string path, StringColumn column, int count)
    {
        var table = LoadTexts(path, ref column.OwnTable);
        Expect(path, count);
        ColumnMemory.Copy(Data.Codes.AsSpan(0, count), ref column.Codes);
        column.Table = table;
    }

    /// <summary>Loads an INT64 column; good until the next column is loaded.</summary>
    public ReadOnlySpan<long> Longs(string path, int count)
    {
        if (count > 0 && IsOnly(path, PageEncoding.Plain) && TryLoadPage(path, memory.Page)
            && memory.Page.TryGetPlainLongs(Reader(path).Column, count, out var plain))
            return plain;
        Load(path);
        Expect(path, count);
        return Data.Int64s.AsSpan(0, count);
    }

    /// <summary>
    /// Loads an INT64 column of unsigned numbers, without taking apart its levels where the rows are one page that has a value in each
    /// entry.
    /// </summary>
    public void Unsigned(string path, int count, ref ulong[] target)
    {
        if (count > 0 && IsOnly(path, PageEncoding.DeltaBinaryPacked) && TryLoadPage(path, memory.Page)
            && memory.Page.TryDecodeDeltaLongs(Reader(path).Column, MemoryMarshal.Cast<ulong, long>(ColumnMemory.Take(ref target, count))))
            return;
        ColumnMemory.Copy(MemoryMarshal.Cast<long, ulong>(Longs(path, count)), ref target);
    }

    /// <summary>Loads an INT32 column that counts something.</summary>
    public void Counts(string path, int count, ref uint[] target)
    {
        if (IsAlways(path) is { } all)
        {
            ColumnMemory.Take(ref target, count).Fill((uint)all);
            return;
        }

        Load(path);
        Expect(path, count);
        var counts = ColumnMemory.Take(ref target, count);
        for (var i = 0; i < count; i++) counts[i] = (uint)Data.Int32s[i];
    }

    /// <summary>The same; zeros if the block's version has no such column.</summary>
    public void CountsOrNone(string path, int count, ref uint[] target)
    {
        if (map.Has(path)) Counts(path, count, ref target);
        else ColumnMemory.TakeZeroed(ref target, count);
    }

    /// <summary>Loads a column of 8-byte ids; an empty or odd one is "none", 0.</summary>
    public void Ids(string path, int count, ref ulong[] target)
    {
        var ids = ColumnMemory.Take(ref target, count);
        if (TryReadSlab(path, ids)) return;
        Load(path);
        Expect(path, count);
        if (TryReadIdsAtOnce(ids)) return;
        for (var i = 0; i < count; i++)
            ids[i] = Data.Table[Data.Codes[i]] is { Length: SpanId.SizeBytes } id ? BinaryPrimitives.ReadUInt64BigEndian(id) : 0;
    }

    // All pages; the footer says so. A page that turns out to be another is fetched twice.
    private bool IsOnly(string path, PageEncoding encoding)
    {
        var isThere = false;
        foreach (var used in Reader(path).Chunk.Encodings)
        {
            if (used == encoding) isThere = true;
            else if (used != PageEncoding.Rle) return false;
        }

        return isThere;
    }

    // A page of nothing but ids of 8 bytes, as our own blocks have them: they are not taken apart into strings first.
    private bool TryReadSlab(string path, Span<ulong> ids)
    {
        if (ids.IsEmpty || !IsOnly(path, PageEncoding.DeltaLengthByteArray) || !TryLoadPage(path, memory.Page)
            || !memory.Page.TryGetFixedWidth(Reader(path).Column, ids.Length, SpanId.SizeBytes, out var slab))
            return false;
        MemoryMarshal.Cast<byte, ulong>(slab).CopyTo(ids);
        if (BitConverter.IsLittleEndian) BinaryPrimitives.ReverseEndianness(ids, ids);
        return true;
    }

    // Ids of 8 bytes each, one behind the other, as pages without a dictionary have them.
    private bool TryReadIdsAtOnce(Span<ulong> ids)
    {
        if (ids.IsEmpty || Data.Table.SizeBytes != ids.Length * SpanId.SizeBytes || Data.Table.Count != ids.Length) return false;
        var offsets = Data.Table.Offsets;
        for (var i = 0; i < ids.Length; i++)
            if (offsets[i] != i * SpanId.SizeBytes || Data.Codes[i] != i)
                return false;
        MemoryMarshal.Cast<byte, ulong>(Data.Table.Bytes).CopyTo(ids);
        if (BitConverter.IsLittleEndian) BinaryPrimitives.ReverseEndianness(ids, ids);
        return true;
    }

    /// <summary>The column last loaded has as many values as the tree has places for.</summary>
    public void Expect(string path, int count)
    {
        if (Data.ValueCount != count)
            throw new ParquetFormatException($"column '{path}': {Data.ValueCount} values where the tree has {count}");
    }
}
