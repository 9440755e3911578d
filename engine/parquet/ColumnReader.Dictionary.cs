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
        if (body.IsEmpty || body[0] > 32) Fail($"indices of {(body.IsEmpty ? 0 : body[0])} bits; the limit is 32");
        if (_isReadingFew)
        {
            if (TryDecodeFew(body, range, target)) return;
            if (Dictionary is { } late) target.UseDictionary(late.Strings);
        }

        if (Dictionary is not { } dictionary)
        {
            Fail("indices into a dictionary that the chunk does not have");
            return;
        }

        if (PhysicalTypeIsString)
        {
            var codes = target.AddCodes(range.Count);
            DecodeIndices(body, codes, dictionary.Count, range);
            var start = target.PlaceDictionary(dictionary.Strings);
            for (var i = 0; start > 0 && i < range.Count; i++) codes[i] += start;
            return;
        }

        var rented = ArrayPool<int>.Shared.Rent(range.Count);
        try
        {
            var wanted = rented.AsSpan(0, range.Count);
            DecodeIndices(body, wanted, dictionary.Count, range);
            if (Column.Type == PhysicalType.Int32) Gather<int>(wanted, dictionary.Int32s, target.AddInt32s(range.Count));
            else if (Column.Type == PhysicalType.Int64) Gather<long>(wanted, dictionary.Int64s, target.AddInt64s(range.Count));
            else Gather<double>(wanted, dictionary.Doubles, target.AddDoubles(range.Count));
        }
        finally
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    private bool PhysicalTypeIsString => Column.Type is PhysicalType.ByteArray or PhysicalType.FixedLenByteArray or PhysicalType.Int96;

    private void DecodeIndices(ReadOnlySpan<byte> body, Span<int> indices, int dictionaryCount, in ValueRange range)
    {
        DecodeRawIndices(body, indices, range);
        if (!indices.IsEmpty && (dictionaryCount == 0 || indices.ContainsAnyExceptInRange(0, dictionaryCount - 1)))
            Fail($"an index beyond the dictionary's {dictionaryCount} entries");
    }

    // Those of the range; the others are passed over, but have to be there.
    private void DecodeRawIndices(ReadOnlySpan<byte> body, Span<int> indices, in ValueRange range)
    {
        var width = body[0];
        if (width == 0) indices.Clear();
        else if (!RleBitPackedHybrid.TryDecodePart(body[1..], width, range.Total, range.Skip, indices))
            FailValues(PageEncoding.RleDictionary, range);
    }

    private static void Gather<T>(ReadOnlySpan<int> indices, ReadOnlySpan<T> dictionary, Span<T> values)
    {
        for (var i = 0; i < values.Length; i++) values[i] = dictionary[indices[i]];
    }
}
