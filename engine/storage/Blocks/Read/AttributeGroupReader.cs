using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Reads one <c>Attrs</c> group: seven leaves become key, type and value of each attribute (storage specification §4.4).
/// </summary>
internal readonly struct AttributeGroupReader(RowGroupColumns columns, string prefix)
{
    /// <summary>Fills <paramref name="attributes"/>; the result is the owners' offsets.</summary>
    public int[] Read(AttributeColumns attributes, int ownerCount)
    {
        columns.Load(prefix + "Key");
        var starts = columns.Starts(prefix + "Key", ownerCount);
        var count = starts[ownerCount];
        attributes.Count = count;
        attributes.Keys = columns.Data.Codes.AsSpan(0, count).ToArray();
        attributes.KeyTable = columns.Table(prefix + "Key");
        attributes.Types = new AttributeType[count];
        attributes.Bits = new long[count];
        if (count == 0) return starts;

        columns.Load(prefix + "IsArray");
        columns.Expect(prefix + "IsArray", count);
        var isArray = columns.Data.Booleans.AsSpan(0, count).ToArray();
        ReadTexts(attributes, isArray);
        ReadNumbers(attributes, isArray, "ValueInt", AttributeType.Int, AttributeType.IntArray);
        ReadNumbers(attributes, isArray, "ValueDouble", AttributeType.Double, AttributeType.DoubleArray);
        ReadNumbers(attributes, isArray, "ValueBool", AttributeType.Bool, AttributeType.BoolArray);
        for (var i = 0; i < count; i++)
            if (attributes.Types[i] == AttributeType.Null && isArray[i] != 0)
                attributes.Types[i] = AttributeType.EmptyArray;
        return starts;
    }

    private void ReadTexts(AttributeColumns attributes, byte[] isArray)
    {
        var path = prefix + "Value";
        columns.Load(path);
        var starts = columns.Starts(path, attributes.Count);
        var codes = columns.Data.Codes.AsSpan(0, columns.Data.ValueCount);
        attributes.Values = columns.Table(path);
        for (var i = 0; i < attributes.Count; i++)
            Set(attributes, i, starts, isArray, AttributeType.String, AttributeType.StringArray, codes);
        ReadUnsupported(attributes);
    }

    // Rare, so its texts are added to a copy of the table of strings.
    private void ReadUnsupported(AttributeColumns attributes)
    {
        var path = prefix + "ValueUnsupported";
        columns.Load(path);
        if (columns.Data.ValueCount == 0) return;
        var starts = columns.Starts(path, attributes.Count);
        var table = attributes.Values;
        var texts = columns.Data.Table;
        var bytes = new byte[table.Offsets[table.Count] + texts.SizeBytes];
        table.Bytes.AsSpan(0, table.Offsets[table.Count]).CopyTo(bytes);
        texts.Bytes.CopyTo(bytes.AsSpan(table.Offsets[table.Count]));
        var offsets = new int[table.Count + texts.Count + 1];
        table.Offsets.AsSpan(0, table.Count + 1).CopyTo(offsets);
        for (var i = 1; i <= texts.Count; i++) offsets[table.Count + i] = table.Offsets[table.Count] + texts.Offsets[i];
        for (var i = 0; i < attributes.Count; i++)
        {
            if (starts[i] == starts[i + 1]) continue;
            attributes.Types[i] = AttributeType.AnyValueJson;
            attributes.Bits[i] = table.Count + columns.Data.Codes[starts[i]];
        }

        attributes.Values = new StringTable(bytes, offsets, table.Count + texts.Count);
    }

    private void ReadNumbers(AttributeColumns attributes, byte[] isArray, string leaf, AttributeType single, AttributeType array)
    {
        columns.Load(prefix + leaf);
        var data = columns.Data;
        if (data.ValueCount == 0) return;
        var starts = columns.Starts(prefix + leaf, attributes.Count);
        for (var i = 0; i < attributes.Count; i++)
        {
            if (starts[i] == starts[i + 1]) continue;
            if (single == AttributeType.Int) Set(attributes, i, starts, isArray, single, array, data.Int64s);
            else if (single == AttributeType.Double) Set(attributes, i, starts, isArray, single, array, data.Doubles);
            else Set(attributes, i, starts, isArray, single, array, data.Booleans);
        }
    }

    private static void Set<T>(AttributeColumns attributes, int i, int[] starts, byte[] isArray, AttributeType single, AttributeType array, ReadOnlySpan<T> values)
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
