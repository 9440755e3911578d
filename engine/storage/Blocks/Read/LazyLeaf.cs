using System.Numerics;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// One value leaf of attributes, its page unpacked once, so that the value of any one attribute is found by counting bits:
/// <code>
/// entries of the page    begins: the first entry of an attribute      present: has a value
/// attributes             present at the begins, squeezed together; and per word of them, how many values come before
/// lists                  few: which attributes, and how many values more than one each, as a running sum
/// value of attribute i   values before its word + present bits before it in the word + what lists before it have more
/// </code>
/// </summary>
internal sealed class LazyLeaf
{
    private ulong[] _present = [];
    private int[] _before = [];
    private ulong[] _entryBegins = [];
    private ulong[] _entryValues = [];
    private ulong[] _entryRepeats = [];

    // Attributes with several values, ascending, and the values more than one each that they and all before them have.
    private readonly List<int> _lists = [];
    private readonly List<int> _moreValues = [];
    private int _count;

    public bool IsRead { get; set; }

    public bool HasValues { get; private set; }

    public ColumnData Data { get; } = new();

    public void Read(RowGroupReader rows, string path, int attributeCount)
    {
        IsRead = true;
        HasValues = false;
        _count = attributeCount;
        if (rows.Columns.IsWithoutValues(path)) return;
        rows.Columns.Load(path, Data);
        HasValues = Data.ValueCount > 0;
        if (!HasValues) return;
        var column = rows.Columns.Reader(path).Column;
        // Repeated, or (vParquet4) the required element of a repeated group.
        var found = column.Node.Repetition == Repetition.Optional ? FindSingleValues(column.MaxDefinitionLevel) : FindValues(column.MaxRepetitionLevel, column.MaxDefinitionLevel);
        if (found != attributeCount) throw new ParquetFormatException($"column '{path}': {found} attributes where the keys have {attributeCount}");
    }

    // One value or none for each attribute; entries without an attribute are those defined less far.
    private int FindSingleValues(int maxDefinition)
    {
        MarkEntries(maxDefinition, out var entries);
        LevelBits.MarkAtLeast(Data.DefinitionLevels.AsSpan(0, entries), (byte)(maxDefinition - 1), _entryBegins);
        return Squeeze(entries);
    }

    private int FindValues(int maxRepetition, int maxDefinition)
    {
        MarkEntries(maxDefinition, out var entries);
        var words = (entries + 63) / 64;
        var repeats = ColumnMemory.Take(ref _entryRepeats, words);
        LevelBits.MarkAtLeast(Data.RepetitionLevels.AsSpan(0, entries), (byte)maxRepetition, repeats);
        LevelBits.MarkAtLeast(Data.DefinitionLevels.AsSpan(0, entries), (byte)(maxDefinition - 1), _entryBegins);
        var attributes = 0;
        for (var word = 0; word < words; word++)
        {
            var begins = _entryBegins[word] & ~repeats[word];
            for (var left = repeats[word]; left != 0; left &= left - 1)
                AddRepeat(attributes + BitOperations.PopCount(begins & (left & (0 - left)) - 1) - 1);
            _entryBegins[word] = begins;
            attributes += BitOperations.PopCount(begins);
        }

        return Squeeze(entries);
    }

    private void MarkEntries(int maxDefinition, out int entries)
    {
        entries = Data.LevelCount;
        _lists.Clear();
        _moreValues.Clear();
        ColumnMemory.Take(ref _entryBegins, (entries + 63) / 64);
        LevelBits.MarkAtLeast(Data.DefinitionLevels.AsSpan(0, entries), (byte)maxDefinition, ColumnMemory.Take(ref _entryValues, (entries + 63) / 64));
    }

    private void AddRepeat(int attribute)
    {
        if (_lists.Count > 0 && _lists[^1] == attribute)
        {
            _moreValues[^1]++;
            return;
        }

        _moreValues.Add(_moreValues.Count == 0 ? 1 : _moreValues[^1] + 1);
        _lists.Add(attribute);
    }

    // Takes the bits of entries that begin an attribute together; the result is how many attributes there are.
    private int Squeeze(int entries)
    {
        var words = (entries + 63) / 64;
        var present = ColumnMemory.TakeZeroed(ref _present, words + 1);
        var attributes = 0;
        for (var word = 0; word < words; word++)
        {
            var begins = _entryBegins[word];
            var values = begins == ulong.MaxValue ? _entryValues[word] : LevelBits.Extract(_entryValues[word], begins);
            var (to, shift) = (attributes >> 6, attributes & 63);
            present[to] |= values << shift;
            if (shift > 0) present[to + 1] |= values >> (64 - shift);
            attributes += BitOperations.PopCount(begins);
        }

        var before = ColumnMemory.Take(ref _before, (attributes + 63) / 64);
        var count = 0;
        for (var word = 0; word < before.Length; word++)
        {
            before[word] = count;
            count += BitOperations.PopCount(present[word]);
        }

        var lists = _moreValues.Count == 0 ? 0 : _moreValues[^1];
        if (count + lists != Data.ValueCount) throw new ParquetFormatException($"{Data.ValueCount} values where the levels have {count + lists}");
        return attributes;
    }

    /// <summary>
    /// Puts type and value where the attribute is marked (everywhere, if none is) and has a value in this leaf, and takes those
    /// marks away.
    /// </summary>
    public void Put(AttributeColumns attributes, Span<ulong> places, AttributeType single, AttributeType array)
    {
        if (!HasValues) return;
        var list = 0;
        for (var word = 0; word < (_count + 63) / 64; word++)
        {
            var present = _present[word];
            var left = places.IsEmpty ? present : present & places[word];
            if (!places.IsEmpty) places[word] &= ~present;
            for (; left != 0; left &= left - 1)
            {
                var place = (word << 6) + BitOperations.TrailingZeroCount(left);
                var value = _before[word] + BitOperations.PopCount(present & (left & (0 - left)) - 1);
                if (_lists.Count > 0)
                {
                    while (list < _lists.Count && _lists[list] < place) list++;
                    if (list > 0) value += _moreValues[list - 1];
                    if (list < _lists.Count && _lists[list] == place)
                    {
                        PutList(attributes, place, value, _moreValues[list] - (list > 0 ? _moreValues[list - 1] : 0) + 1, single, array);
                        continue;
                    }
                }

                attributes.Types[place] = single;
                attributes.Bits[place] = BitsOf(single, value);
            }
        }
    }

    private void PutList(AttributeColumns attributes, int place, int from, int count, AttributeType single, AttributeType array)
    {
        GrowableArray.Reserve(ref attributes.Items, attributes.ItemCount + count);
        attributes.Types[place] = array;
        attributes.Bits[place] = ArrayRef.Pack(attributes.ItemCount, count);
        for (var n = 0; n < count; n++) attributes.Items[attributes.ItemCount++] = BitsOf(single, from + n);
    }

    private long BitsOf(AttributeType type, int value) => type switch
    {
        AttributeType.String => Data.Codes[value],
        AttributeType.Int => Data.Int64s[value],
        AttributeType.Double => BitConverter.DoubleToInt64Bits(Data.Doubles[value]),
        _ => Data.Booleans[value],
    };
}
