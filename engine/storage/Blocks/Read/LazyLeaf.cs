using System.Numerics;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>One value leaf of attributes, its page unpacked once; <see cref="LeafMarks"/> say whose its values are.</summary>
internal sealed class LazyLeaf
{
    private readonly LeafMarks _marks = new();
    private ulong[] _entryBegins = [];
    private ulong[] _entryValues = [];
    private ulong[] _entryRepeats = [];

    public bool IsRead { get; set; }

    public bool HasValues { get; private set; }

    public ColumnData Data { get; } = new();

    public void Read(RowGroupReader rows, string path, int attributeCount)
    {
        IsRead = true;
        HasValues = false;
        if (rows.Columns.IsWithoutValues(path)) return;
        rows.Columns.Load(path, Data);
        HasValues = Data.ValueCount > 0;
        if (!HasValues) return;
        var found = Mark(rows.Columns.Reader(path).Column);
        if (found != attributeCount)
            throw new ParquetFormatException($"column '{path}': {found} attributes where the keys have {attributeCount}");
    }

    // One value or none for each attribute, or several (repeated, or, in vParquet4, the required element of a repeated group);
    // entries without an attribute are those defined less far.
    private int Mark(ParquetColumn column)
    {
        var entries = Data.LevelCount;
        var words = (entries + 63) / 64;
        var definitions = Data.DefinitionLevels.AsSpan(0, entries);
        var begins = ColumnMemory.Take(ref _entryBegins, words);
        var values = ColumnMemory.Take(ref _entryValues, words);
        LevelBits.MarkAtLeast(definitions, (byte)column.MaxDefinitionLevel, values);
        LevelBits.MarkAtLeast(definitions, (byte)(column.MaxDefinitionLevel - 1), begins);
        var repeats = Span<ulong>.Empty;
        if (column.Node.Repetition != Repetition.Optional)
        {
            repeats = ColumnMemory.Take(ref _entryRepeats, words);
            LevelBits.MarkAtLeast(Data.RepetitionLevels.AsSpan(0, entries), (byte)column.MaxRepetitionLevel, repeats);
        }

        return _marks.Fill(entries, Data.ValueCount, begins, values, repeats);
    }

    /// <summary>
    /// Puts type and value where the attribute is marked (everywhere, if none is) and has a value in this leaf, and takes those
    /// marks away.
    /// </summary>
    public void Put(AttributeColumns attributes, Span<ulong> places, AttributeType single, AttributeType array)
    {
        if (!HasValues) return;
        var list = 0;
        var marked = _marks.Present;
        for (var word = 0; word < marked.Length; word++)
        {
            var present = marked[word];
            var left = places.IsEmpty ? present : present & places[word];
            if (!places.IsEmpty) places[word] &= ~present;
            for (; left != 0; left &= left - 1)
            {
                var place = (word << 6) + BitOperations.TrailingZeroCount(left);
                var (value, count) = _marks.ValuesOf(place, ref list);
                if (count > 1)
                {
                    PutList(attributes, place, value, count, single, array);
                    continue;
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
