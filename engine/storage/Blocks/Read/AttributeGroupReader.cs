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
        for (var i = 0; i < count; i++)
            if (attributes.Types[i] == AttributeType.Null && isArray[i] != 0)
                attributes.Types[i] = AttributeType.EmptyArray;
    }

    private ReadOnlySpan<byte> ReadIsArray(int count)
    {
        if (columns.Has(prefix + "IsArray"))
        {
            columns.Load(prefix + "IsArray");
            columns.Expect(prefix + "IsArray", count);
            ColumnMemory.Copy(columns.Data.Booleans.AsSpan(0, count), ref memory.IsArray);
        }
        else
        {
            ColumnMemory.TakeZeroed(ref memory.IsArray, count);
        }

        return memory.IsArray.AsSpan(0, count);
    }

    private void ReadTexts(AttributeColumns attributes, ReadOnlySpan<byte> isArray)
    {
        var path = prefix + "Value";
        attributes.Values = columns.LoadTexts(path, ref attributes.OwnValues);
        var starts = Starts(path, attributes.Count);
        var codes = columns.Data.Codes.AsSpan(0, columns.Data.ValueCount);
        for (var i = 0; i < attributes.Count; i++)
            Set(attributes, i, starts, isArray, AttributeType.String, AttributeType.StringArray, codes);
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

    private void ReadNumbers(AttributeColumns attributes, ReadOnlySpan<byte> isArray, string leaf, AttributeType single, AttributeType array)
    {
        if (columns.IsWithoutValues(prefix + leaf)) return;
        columns.Load(prefix + leaf);
        var data = columns.Data;
        if (data.ValueCount == 0) return;
        var starts = Starts(prefix + leaf, attributes.Count);
        for (var i = 0; i < attributes.Count; i++)
        {
            if (starts[i] == starts[i + 1]) continue;
            if (single == AttributeType.Int) Set(attributes, i, starts, isArray, single, array, data.Int64s);
            else if (single == AttributeType.Double) Set(attributes, i, starts, isArray, single, array, data.Doubles);
            else Set(attributes, i, starts, isArray, single, array, data.Booleans);
        }
    }

    private static void Set<T>(AttributeColumns attributes, int i, ReadOnlySpan<int> starts, ReadOnlySpan<byte> isArray, AttributeType single, AttributeType array, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var from = starts[i];
        var count = starts[i + 1] - from;
        if (count == 0) return;
        if (isArray[i] == 0 && count == 1)
        {
            attributes.Types[i] = single;
            attributes.Bits[i] = ToBits(values[from]);
            return;
        }

        GrowableArray.Reserve(ref attributes.Items, attributes.ItemCount + count);
        attributes.Types[i] = array;
        attributes.Bits[i] = ArrayRef.Pack(attributes.ItemCount, count);
        for (var n = 0; n < count; n++) attributes.Items[attributes.ItemCount++] = ToBits(values[from + n]);
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
