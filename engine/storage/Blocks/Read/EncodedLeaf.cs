using System.Buffers.Binary;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// One value leaf of attributes whose page stays as it was written: of its levels only marks are made, and of its values those are
/// decoded that somebody asks for.
/// </summary>
internal sealed class EncodedLeaf(AttributeType single, AttributeType array)
{
    private readonly EncodedPage _page = new();
    private readonly LeafMarks _marks = new();
    private ulong[] _entryBegins = [];
    private ulong[] _entryValues = [];
    private ulong[] _entryRepeats = [];
    private int _valueCount;
    private ColumnDictionary? _dictionary;

    public bool IsRead { get; private set; }

    /// <summary>The page and its dictionary are done with.</summary>
    public void Begin() => (IsRead, _dictionary) = (false, null);

    /// <summary>The same, and large memory is let go.</summary>
    public void Release()
    {
        Begin();
        _page.Release();
    }

    private bool HasValues { get; set; }

    /// <summary>False: the rows are not one page, or one in an encoding that has no single values.</summary>
    public bool TryRead(RowGroupReader rows, string path, int attributeCount)
    {
        HasValues = false;
        if (rows.Columns.IsWithoutValues(path)) return IsRead = true;
        var reader = rows.Columns.Reader(path);
        if (!rows.Columns.TryLoadPage(path, _page) || !IsPossible(_page, reader.Column.Type)) return false;
        _dictionary = _page.IsOfIndices ? reader.Dictionary : null;
        if (_page.IsOfIndices && _dictionary is null)
            throw new ParquetFormatException($"column '{path}': indices into a dictionary that the chunk does not have");
        if (!TryMark(reader.Column, out var found)) throw Damaged(path, "levels that end early, or above the highest");
        if (HasValues && found != attributeCount)
            throw new ParquetFormatException($"column '{path}': {found} attributes where the keys have {attributeCount}");
        return IsRead = true;
    }

    private static bool IsPossible(EncodedPage page, PhysicalType type) => type switch
    {
        PhysicalType.ByteArray => page.IsOfIndices,
        PhysicalType.Int64 or PhysicalType.Double => page.IsOfIndices || page.Encoding == PageEncoding.Plain,
        PhysicalType.Boolean => page.Encoding == PageEncoding.Plain,
        _ => false,
    };

    // As LazyLeaf has it of decoded levels.
    private bool TryMark(ParquetColumn column, out int attributes)
    {
        attributes = 0;
        var entries = _page.LevelCount;
        var words = (entries + 63) / 64;
        var begins = ColumnMemory.Take(ref _entryBegins, words);
        var values = ColumnMemory.Take(ref _entryValues, words);
        var max = column.MaxDefinitionLevel;
        if (!HybridMarks.TryMarkLevels(_page.Definition, max, max, entries, values)
            || !HybridMarks.TryMarkLevels(_page.Definition, max, max - 1, entries, begins))
            return false;
        _valueCount = LevelBits.Count(values);
        HasValues = _valueCount > 0;
        if (!HasValues) return true;
        var repeats = Span<ulong>.Empty;
        if (column.Node.Repetition != Repetition.Optional)
        {
            repeats = ColumnMemory.Take(ref _entryRepeats, words);
            if (!HybridMarks.TryMarkLevels(_page.Repetition, column.MaxRepetitionLevel, column.MaxRepetitionLevel, entries, repeats))
                return false;
        }

        attributes = _marks.Fill(entries, _valueCount, begins, values, repeats);
        return true;
    }

    /// <summary>
    /// Fills in type and value of those of the occurrences that have none yet and have one in this leaf. <paramref name="places"/> are
    /// the attributes they are, ascending; the result is how many were filled in.
    /// </summary>
    public int Put(string path, ReadOnlySpan<int> places, AttributeColumns values)
    {
        if (!HasValues) return 0;
        var present = _marks.Present;
        var cursor = new IndexCursor(_page.IsOfIndices ? _page.Values : [], _valueCount);
        var (list, filled) = (0, 0);
        for (var i = 0; i < places.Length; i++)
        {
            var place = places[i];
            if (values.Types[i] != AttributeType.Null || (present[place >> 6] >> place & 1) == 0) continue;
            var (first, count) = _marks.ValuesOf(place, ref list);
            filled++;
            if (count == 1)
            {
                values.Types[i] = single;
                values.Bits[i] = BitsOf(path, ref cursor, first);
                continue;
            }

            GrowableArray.Reserve(ref values.Items, values.ItemCount + count);
            values.Types[i] = array;
            values.Bits[i] = ArrayRef.Pack(values.ItemCount, count);
            for (var n = 0; n < count; n++) values.Items[values.ItemCount++] = BitsOf(path, ref cursor, first + n);
        }

        return filled;
    }

    private long BitsOf(string path, ref IndexCursor cursor, int value)
    {
        if (_dictionary is not { } dictionary) return PlainBitsOf(path, value);
        if (!cursor.TryRead(value, out var index)) throw Damaged(path, "indices that end early");
        if ((uint)index >= (uint)dictionary.Count) throw Damaged(path, $"an index beyond the dictionary's {dictionary.Count} entries");
        return single switch
        {
            AttributeType.String => index,
            AttributeType.Int => dictionary.Int64s[index],
            _ => BitConverter.DoubleToInt64Bits(dictionary.Doubles[index]),
        };
    }

    private long PlainBitsOf(string path, int value)
    {
        var plain = _page.Values;
        if (single == AttributeType.Bool)
            return value >> 3 < plain.Length ? plain[value >> 3] >> (value & 7) & 1 : throw Damaged(path, "values that end early");
        return (value + 1L) * sizeof(long) <= plain.Length
            ? BinaryPrimitives.ReadInt64LittleEndian(plain[(value * sizeof(long))..])
            : throw Damaged(path, "values that end early");
    }

    private static ParquetFormatException Damaged(string path, string what) => new($"column '{path}': {what}");
}
