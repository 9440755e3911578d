using System.Numerics;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Reads one <c>Attrs</c> group: seven leaves become key, type and value of each attribute (storage specification §4.4).
/// </summary>
internal readonly struct AttributeGroupReader(RowGroupColumns columns, string prefix, ReadMemory memory)
{
    /// <summary>Where the versions keep values that have no column of their own, as proto-JSON.</summary>
    private static readonly string[] JsonLeaves = ["ValueUnsupported", "ValueDropped", "ValueKVList", "ValueArray"];

    /// <summary>Fills <paramref name="attributes"/>, which holds none, and the owners' offsets.</summary>
    public void Read(AttributeColumns attributes, int ownerCount, ref int[] starts)
    {
        if (columns.IsWithoutValues(prefix + "Key"))
        {
            ColumnMemory.TakeZeroed(ref starts, ownerCount + 1);
            return;
        }

        columns.Load(prefix + "Key");
        columns.Starts(prefix + "Key", ownerCount, ref starts);
        var count = starts[ownerCount];
        attributes.Count = count;
        ColumnMemory.Copy(columns.Data.Codes.AsSpan(0, count), ref attributes.Keys);
        attributes.KeyTable = columns.Table(prefix + "Key", ref attributes.OwnKeyTable);
        ColumnMemory.TakeZeroed(ref attributes.Types, count);
        ColumnMemory.TakeZeroed(ref attributes.Bits, count);
        if (count == 0) return;

        var isArray = ReadIsArray(count);
        ReadTexts(attributes, isArray);
        ReadNumbers(attributes, isArray, "ValueInt", AttributeType.Int, AttributeType.IntArray);
        ReadNumbers(attributes, isArray, "ValueDouble", AttributeType.Double, AttributeType.DoubleArray);
        ReadNumbers(attributes, isArray, "ValueBool", AttributeType.Bool, AttributeType.BoolArray);
        for (var i = 0; i < isArray.Length; i++)
            if (attributes.Types[i] == AttributeType.Null && isArray[i] != 0)
                attributes.Types[i] = AttributeType.EmptyArray;
    }

    // Empty if none is one, as in most pages.
    private ReadOnlySpan<byte> ReadIsArray(int count)
    {
        if (!columns.Has(prefix + "IsArray")) return [];
        columns.Load(prefix + "IsArray");
        columns.Expect(prefix + "IsArray", count);
        var booleans = columns.Data.Booleans.AsSpan(0, count);
        if (!booleans.ContainsAnyExcept((byte)0)) return [];
        ColumnMemory.Copy(booleans, ref memory.IsArray);
        return memory.IsArray.AsSpan(0, count);
    }

    private void ReadTexts(AttributeColumns attributes, ReadOnlySpan<byte> isArray)
    {
        var path = prefix + "Value";
        attributes.Values = columns.LoadTexts(path, ref attributes.OwnValues);
        Set(attributes, path, isArray, AttributeType.String, AttributeType.StringArray,
            columns.Data.Codes.AsSpan(0, columns.Data.ValueCount));
        foreach (var leaf in JsonLeaves)
            if (!columns.IsWithoutValues(prefix + leaf))
                ReadJson(attributes, prefix + leaf);
    }

    // Rare, so its texts are added to a copy of the table of strings.
    private void ReadJson(AttributeColumns attributes, string path)
    {
        columns.Load(path);
        if (columns.Data.ValueCount == 0) return;
        var starts = Starts(path, attributes.Count);
        var table = attributes.Values;
        var texts = columns.Data.Table;
        var known = table.Count;
        var joined = attributes.OwnJoined ??= new RefilledStringTable();
        // The second of these leaves finds its table in the very same memory; then it is copied onto itself.
        joined.Begin(known + texts.Count, table.Offsets[known] + texts.SizeBytes);
        joined.Add(table.Offsets.AsSpan(0, known + 1), table.Bytes);
        joined.Add(texts.Offsets, texts.Bytes);
        for (var i = 0; i < attributes.Count; i++)
        {
            if (starts[i] == starts[i + 1]) continue;
            attributes.Types[i] = AttributeType.AnyValueJson;
            attributes.Bits[i] = known + columns.Data.Codes[starts[i]];
        }

        attributes.Values = joined.Filled();
    }

    private ReadOnlySpan<int> Starts(string path, int ownerCount)
    {
        columns.Starts(path, ownerCount, ref memory.Starts);
        return memory.Starts.AsSpan(0, ownerCount + 1);
    }

    private void ReadNumbers(
        AttributeColumns attributes, ReadOnlySpan<byte> isArray, string leaf, AttributeType single, AttributeType array)
    {
        if (columns.IsWithoutValues(prefix + leaf)) return;
        columns.Load(prefix + leaf);
        var data = columns.Data;
        if (data.ValueCount == 0) return;
        var path = prefix + leaf;
        if (single == AttributeType.Int) Set(attributes, path, isArray, single, array, data.Int64s.AsSpan(0, data.ValueCount));
        else if (single == AttributeType.Double) Set(attributes, path, isArray, single, array, data.Doubles.AsSpan(0, data.ValueCount));
        else Set(attributes, path, isArray, single, array, data.Booleans.AsSpan(0, data.ValueCount));
    }

    // The levels say by marks who has values, and by a list who has several; so there is one step for each value, whoever is without.
    private void Set<T>(
        AttributeColumns attributes, string path, ReadOnlySpan<byte> isArray, AttributeType single, AttributeType array,
        ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var marks = memory.Marks;
        columns.MarkOwners(path, attributes.Count, memory);
        var (types, bits) = (attributes.Types, attributes.Bits);
        var present = marks.Present;
        int next = 0, list = 0;
        var listOwner = marks.OwnerOfList(list);
        for (var word = 0; word < present.Length; word++)
            for (var left = present[word]; left != 0; left &= left - 1)
            {
                var i = (word << 6) + BitOperations.TrailingZeroCount(left);
                if (i != listOwner && (isArray.IsEmpty || isArray[i] == 0))
                {
                    types[i] = single;
                    bits[i] = ToBits(values[next++]);
                    continue;
                }

                var count = 1;
                if (i == listOwner)
                {
                    count = marks.LengthOfList(list++);
                    listOwner = marks.OwnerOfList(list);
                }

                SetArray(attributes, i, array, values.Slice(next, count));
                next += count;
            }

        if (next != values.Length)
            throw new ParquetFormatException($"{path}: {values.Length} values, of which {values.Length - next} are of no attribute");
    }

    private static void SetArray<T>(AttributeColumns attributes, int i, AttributeType array, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        GrowableArray.Reserve(ref attributes.Items, attributes.ItemCount + values.Length);
        attributes.Types[i] = array;
        attributes.Bits[i] = ArrayRef.Pack(attributes.ItemCount, values.Length);
        foreach (var value in values) attributes.Items[attributes.ItemCount++] = ToBits(value);
    }

    private static long ToBits<T>(T value)
        where T : unmanaged => value switch
        {
            int code => code,
            long number => number,
            double real => BitConverter.DoubleToInt64Bits(real),
            byte boolean => boolean,
            _ => 0,
        };
}
