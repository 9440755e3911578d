using System.Buffers;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

// The dictionary's own values, and pages of indices into it.
public sealed partial class ColumnReader
{
    private ColumnDictionary DecodeDictionary(in PageHeader header, ReadOnlySpan<byte> body)
    {
        var count = header.ValueCount;
        if (header.Encoding is not (PageEncoding.Plain or PageEncoding.PlainDictionary))
            Fail($"a dictionary in encoding {(int)header.Encoding}, which is not supported");
        if (Column.Type == PhysicalType.Boolean) Fail("a dictionary of booleans");
        if (Column.Type == PhysicalType.ByteArray)
        {
            var strings = new ColumnDictionary(count);
            if (!PlainDecoder.TryDecodeByteArrays(body, 0, count, strings.Strings))
                Fail($"a dictionary of {count} strings that is malformed or ends early");
            return strings;
        }

        var needed = (long)count * PhysicalWidthBytes;
        if (needed > body.Length) Fail($"a dictionary of {count} values in {body.Length} bytes");
        body = body[..(int)needed];
        switch (Column.Type)
        {
            case PhysicalType.Int32: return new ColumnDictionary(count) { Int32s = MemoryMarshal.Cast<byte, int>(body).ToArray() };
            case PhysicalType.Int64: return new ColumnDictionary(count) { Int64s = MemoryMarshal.Cast<byte, long>(body).ToArray() };
            case PhysicalType.Double: return new ColumnDictionary(count) { Doubles = MemoryMarshal.Cast<byte, double>(body).ToArray() };
            case PhysicalType.Float:
                var doubles = new double[count];
                PlainDecoder.DecodeFloats(body, doubles);
                return new ColumnDictionary(count) { Doubles = doubles };
            default:
                var slab = new ColumnDictionary(count);
                PlainDecoder.DecodeFixed(body, PhysicalWidthBytes, slab.Strings);
                return slab;
        }
    }

    /// <summary>
    /// Layout: width of an index in bits u8, then the hybrid runs. Every index is checked against the dictionary before it is used.
    /// </summary>
    private void DecodeIndices(ReadOnlySpan<byte> body, in ValueRange range, ColumnData target)
    {
        if (Dictionary is not { } dictionary)
        {
            Fail("indices into a dictionary that the chunk does not have");
            return;
        }

        if (body.IsEmpty || body[0] > 32) Fail($"indices of {(body.IsEmpty ? 0 : body[0])} bits; the limit is 32");
        if (PhysicalTypeIsString)
        {
            var codes = target.AddCodes(range.Total);
            DecodeIndices(body, codes, dictionary.Count, range);
            if (range.Skip > 0) codes.Slice(range.Skip, range.Count).CopyTo(codes);
            var start = target.PlaceDictionary(dictionary.Strings);
            for (var i = 0; start > 0 && i < range.Count; i++) codes[i] += start;
            return;
        }

        var indices = ArrayPool<int>.Shared.Rent(range.Total);
        try
        {
            DecodeIndices(body, indices.AsSpan(0, range.Total), dictionary.Count, range);
            var wanted = indices.AsSpan(range.Skip, range.Count);
            if (Column.Type == PhysicalType.Int32) Gather(wanted, dictionary.Int32s, target.AddInt32s(range.Count));
            else if (Column.Type == PhysicalType.Int64) Gather(wanted, dictionary.Int64s, target.AddInt64s(range.Count));
            else Gather(wanted, dictionary.Doubles, target.AddDoubles(range.Count));
        }
        finally
        {
            ArrayPool<int>.Shared.Return(indices);
        }
    }

    private bool PhysicalTypeIsString => Column.Type is PhysicalType.ByteArray or PhysicalType.FixedLenByteArray or PhysicalType.Int96;

    private void DecodeIndices(ReadOnlySpan<byte> body, Span<int> indices, int dictionaryCount, in ValueRange range)
    {
        var width = body[0];
        if (width == 0) indices.Clear();
        else if (!RleBitPackedHybrid.TryDecode(body[1..], width, indices, out _)) FailValues(PageEncoding.RleDictionary, range);
        if (dictionaryCount == 0 || indices.ContainsAnyExceptInRange(0, dictionaryCount - 1))
            Fail($"an index beyond the dictionary's {dictionaryCount} entries");
    }

    private static void Gather<T>(ReadOnlySpan<int> indices, T[] dictionary, Span<T> values)
    {
        for (var i = 0; i < values.Length; i++) values[i] = dictionary[indices[i]];
    }
}
