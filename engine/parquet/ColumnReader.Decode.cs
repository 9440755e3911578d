using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Parquet;

// From the bytes of a page to rows of a ColumnData.
public sealed partial class ColumnReader
{
    /// <summary>The values of a page: how many it has, and the range of them that is wanted.</summary>
    private readonly record struct ValueRange(int Total, int Skip, int Count);

    private void DecodePage(in PageHeader header, ReadOnlySpan<byte> body, in PageSpan page, long rowStart, long rowEnd, ColumnData target)
    {
        var levelCount = header.ValueCount;
        TakeLevels(header, ref body, out var encodedRepetition, out var encodedDefinition);
        var place =
            new RepeatedPlace(Column.MaxRepetitionLevel, levelCount, page.FirstRow, page.RowCount, page.ContinuesRow, rowStart, rowEnd);
        // Leaves of the same group repeat alike: what was found out for the one before, and lies there still, holds for this one.
        var isKnown = target.TryFindRepetition(place, encodedRepetition, out var firstLevel, out var endLevel);
        var repetition = Column.MaxRepetitionLevel > 0 && !isKnown ? target.AddRepetitionLevels(levelCount) : default;
        var definition = Column.MaxDefinitionLevel > 0 ? target.AddDefinitionLevels(levelCount) : default;
        DecodeAllLevels(header, encodedRepetition, encodedDefinition, repetition, definition, isKnown);
        if (!isKnown)
        {
            CheckRows(repetition, levelCount, page);
            (firstLevel, endLevel) = FindLevels(repetition, levelCount, page, rowStart, rowEnd);
            if (!repetition.IsEmpty) repetition[firstLevel..endLevel].CopyTo(repetition);
        }

        var range = FindValues(definition, levelCount, firstLevel, endLevel);
        DecodeValues(header.Encoding, body, range, target);
        var kept = endLevel - firstLevel;
        if (!definition.IsEmpty) definition[firstLevel..endLevel].CopyTo(definition);
        target.RowCount +=
            Column.MaxRepetitionLevel == 0 ? kept : LevelDecoder.CountRows(target.RepetitionLevels.AsSpan(target.LevelCount, kept));
        if (!isKnown && Column.MaxRepetitionLevel > 0) target.KeepRepetition(place, encodedRepetition, firstLevel, endLevel);
        target.LevelCount += kept;
        target.ValueCount += range.Count;
    }

    private void DecodeAllLevels(
        in PageHeader header, ReadOnlySpan<byte> encodedRepetition, ReadOnlySpan<byte> encodedDefinition, Span<byte> repetition,
        Span<byte> definition, bool isRepetitionKnown)
    {
        var repetitionLength = isRepetitionKnown
            ? encodedRepetition.Length
            : DecodeLevels(encodedRepetition, header.RepetitionEncoding, Column.MaxRepetitionLevel, repetition, "repetition");
        var definitionLength =
            DecodeLevels(encodedDefinition, header.DefinitionEncoding, Column.MaxDefinitionLevel, definition, "definition");
        // The lengths of version 2 stand in the header, which no checksum covers; a wrong one would shift the values.
        if (header.Type == PageType.DataV2 && (repetitionLength != header.RepetitionSizeBytes
            || definitionLength != header.DefinitionSizeBytes))
            Fail($"levels of {repetitionLength} + {definitionLength} bytes where the header says {header.RepetitionSizeBytes} + {header.DefinitionSizeBytes}");
    }

    /// <summary>
    /// Takes the levels off the front of the body. Version 1 prefixes each with its length, version 2 has them in the header.
    /// </summary>
    private void TakeLevels(
        scoped in PageHeader header, scoped ref ReadOnlySpan<byte> body, out ReadOnlySpan<byte> repetition,
        out ReadOnlySpan<byte> definition)
    {
        if (header.Type == PageType.DataV2)
        {
            repetition = body[..header.RepetitionSizeBytes];
            definition = body.Slice(header.RepetitionSizeBytes, header.DefinitionSizeBytes);
            body = body[(header.RepetitionSizeBytes + header.DefinitionSizeBytes)..];
            return;
        }

        repetition = Column.MaxRepetitionLevel > 0 ? TakePrefixed(ref body) : [];
        definition = Column.MaxDefinitionLevel > 0 ? TakePrefixed(ref body) : [];
    }

    /// <summary>Returns the bytes that the levels took; 0 for a leaf that has none.</summary>
    private int DecodeLevels(ReadOnlySpan<byte> encoded, PageEncoding encoding, int maxLevel, Span<byte> levels, string kind)
    {
        if (maxLevel == 0) return 0;
        if (encoding != PageEncoding.Rle) Fail($"{kind} levels in encoding {(int)encoding}, which is not supported");
        if (!LevelDecoder.TryDecode(encoded, maxLevel, levels, out var consumed))
            Fail($"{kind} levels that end early, or above {maxLevel}, in {levels.Length} entries");
        return consumed;
    }

    private ReadOnlySpan<byte> TakePrefixed(scoped ref ReadOnlySpan<byte> body)
    {
        if (body.Length < 4) Fail("the levels end early");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(body);
        if (length > (uint)(body.Length - 4)) Fail($"levels of {length} bytes where {body.Length - 4} are left");
        var taken = body.Slice(4, (int)length);
        body = body[(4 + (int)length)..];
        return taken;
    }

    private void CheckRows(ReadOnlySpan<byte> repetition, int levelCount, in PageSpan page)
    {
        var rows = Column.MaxRepetitionLevel == 0 ? levelCount : LevelDecoder.CountRows(repetition);
        if (rows != page.RowCount) Fail($"{rows} rows where the index or the header says {page.RowCount}");
        if (!repetition.IsEmpty && repetition[0] != 0 && !page.ContinuesRow) Fail("the page does not begin with a row");
    }

    /// <summary>The entries of the wanted rows. Entries before the first row's belong to the row before it.</summary>
    private (int First, int End) FindLevels(ReadOnlySpan<byte> repetition, int levelCount, in PageSpan page, long rowStart, long rowEnd)
    {
        var skippedRows = rowStart - page.FirstRow;
        var endRow = rowEnd - page.FirstRow;
        if (Column.MaxRepetitionLevel == 0) return ((int)Math.Clamp(skippedRows, 0, levelCount), (int)Math.Clamp(endRow, 0, levelCount));
        var isFirstWhole = page.ContinuesRow ? skippedRows < 0 : skippedRows <= 0;
        var first = isFirstWhole ? 0 : LevelDecoder.IndexOfRow(repetition, skippedRows);
        var end = endRow >= page.RowCount ? levelCount : LevelDecoder.IndexOfRow(repetition, endRow);
        return (first, Math.Max(first, end));
    }

    private ValueRange FindValues(ReadOnlySpan<byte> definition, int levelCount, int firstLevel, int endLevel)
    {
        var max = Column.MaxDefinitionLevel;
        if (max == 0) return new ValueRange(levelCount, firstLevel, endLevel - firstLevel);
        var skip = LevelDecoder.CountValues(definition[..firstLevel], max);
        var count = LevelDecoder.CountValues(definition[firstLevel..endLevel], max);
        return new ValueRange(skip + count + LevelDecoder.CountValues(definition[endLevel..], max), skip, count);
    }

    private void DecodeValues(PageEncoding encoding, ReadOnlySpan<byte> body, in ValueRange range, ColumnData target)
    {
        switch (encoding)
        {
            // A page without values may have no body whatever its encoding.
            case var _ when range.Total == 0:
                break;
            case PageEncoding.RleDictionary or PageEncoding.PlainDictionary:
                DecodeIndices(body, range, target);
                break;
            case PageEncoding.Plain when Column.Type == PhysicalType.ByteArray:
                var table = target.GrowableTable();
                var firstCode = table.Count;
                if (!PlainDecoder.TryDecodeByteArrays(body, range.Skip, range.Count, table)) FailValues(encoding, range);
                FillCodes(firstCode, range.Count, target);
                break;
            case PageEncoding.Plain when Column.Type == PhysicalType.Boolean:
                if (body.Length < (range.Total + 7) / 8) FailValues(encoding, range);
                PlainDecoder.DecodeBooleans(body, range.Skip, target.AddBooleans(range.Count));
                break;
            case PageEncoding.Rle when Column.Type == PhysicalType.Boolean:
                DecodeRleBooleans(body, range, target);
                break;
            case PageEncoding.Plain or PageEncoding.ByteStreamSplit when PhysicalWidthBytes > 0:
                DecodeFixedWidth(encoding, body, range, target);
                break;
            case PageEncoding.DeltaBinaryPacked when !DeltaBinaryPackedDecoder.CanHold(body, range.Total):
                FailValues(encoding, range);
                break;
            case PageEncoding.DeltaBinaryPacked when Column.Type == PhysicalType.Int32:
                DecodeDelta(body, range, target.AddInt32s(range.Total));
                break;
            case PageEncoding.DeltaBinaryPacked when Column.Type == PhysicalType.Int64:
                DecodeDelta(body, range, target.AddInt64s(range.Total));
                break;
            case PageEncoding.DeltaLengthByteArray when Column.Type == PhysicalType.ByteArray:
                DecodeDeltaLengths(body, range, target);
                break;
            case PageEncoding.DeltaByteArray when Column.Type is PhysicalType.ByteArray or PhysicalType.FixedLenByteArray:
                DecodeDeltaPrefixes(body, range, target);
                break;
            default:
                Fail($"encoding {(int)encoding} of {Column.Type}, which is not supported");
                break;
        }
    }

    /// <summary>Numbers and fixed byte arrays: the wanted values are one slice of the body, or of the joined byte streams.</summary>
    private void DecodeFixedWidth(PageEncoding encoding, ReadOnlySpan<byte> body, in ValueRange range, ColumnData target)
    {
        var width = PhysicalWidthBytes;
        var needed = (long)range.Total * width;
        if (body.Length < needed) FailValues(encoding, range);
        body = body[..(int)needed];
        if (encoding == PageEncoding.Plain)
        {
            StoreFixedWidth(body.Slice(range.Skip * width, range.Count * width), range.Count, target);
            return;
        }

        var joined = ArrayPool<byte>.Shared.Rent(body.Length);
        ByteStreamSplitDecoder.Decode(body, width, joined.AsSpan(0, body.Length));
        StoreFixedWidth(joined.AsSpan(range.Skip * width, range.Count * width), range.Count, target);
        ArrayPool<byte>.Shared.Return(joined);
    }

    private void StoreFixedWidth(ReadOnlySpan<byte> bytes, int count, ColumnData target)
    {
        switch (Column.Type)
        {
            case PhysicalType.Int32: bytes.CopyTo(MemoryMarshal.AsBytes(target.AddInt32s(count))); break;
            case PhysicalType.Int64: bytes.CopyTo(MemoryMarshal.AsBytes(target.AddInt64s(count))); break;
            case PhysicalType.Double: bytes.CopyTo(MemoryMarshal.AsBytes(target.AddDoubles(count))); break;
            case PhysicalType.Float: PlainDecoder.DecodeFloats(bytes, target.AddDoubles(count)); break;
            default:
                var table = target.GrowableTable();
                var firstCode = table.Count;
                PlainDecoder.DecodeFixed(bytes, PhysicalWidthBytes, table);
                FillCodes(firstCode, count, target);
                break;
        }
    }

    private void DecodeDelta<T>(ReadOnlySpan<byte> body, in ValueRange range, Span<T> values)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        if (!DeltaBinaryPackedDecoder.TryDecode(body, values, out _)) FailValues(PageEncoding.DeltaBinaryPacked, range);
        if (range.Skip > 0) values.Slice(range.Skip, range.Count).CopyTo(values);
    }

    private void DecodeDeltaLengths(ReadOnlySpan<byte> body, in ValueRange range, ColumnData target)
    {
        var table = target.GrowableTable();
        var firstCode = table.Count;
        if (!DeltaByteArrayDecoder.TryDecodeLengths(body, range.Total, range.Skip, range.Count, table))
            FailValues(PageEncoding.DeltaLengthByteArray, range);
        FillCodes(firstCode, range.Count, target);
    }

    private void DecodeDeltaPrefixes(ReadOnlySpan<byte> body, in ValueRange range, ColumnData target)
    {
        var table = target.GrowableTable();
        var firstCode = table.Count;
        if (!DeltaByteArrayDecoder.TryDecodePrefixes(body, range.Total, table)) FailValues(PageEncoding.DeltaByteArray, range);
        for (var i = firstCode; Column.Type == PhysicalType.FixedLenByteArray && i < table.Count; i++)
        {
            if (table[i].Length != PhysicalWidthBytes) Fail($"a value of {table[i].Length} bytes where all have {PhysicalWidthBytes}");
        }

        FillCodes(firstCode + range.Skip, range.Count, target);
    }

    private void DecodeRleBooleans(ReadOnlySpan<byte> body, in ValueRange range, ColumnData target)
    {
        var values = target.AddBooleans(range.Total);
        if (!RleBitPackedHybrid.TryDecode(TakePrefixed(ref body), 1, values, out _) || values.ContainsAnyExceptInRange((byte)0, (byte)1))
            FailValues(PageEncoding.Rle, range);
        values.Slice(range.Skip, range.Count).CopyTo(values);
    }

    private static void FillCodes(int firstCode, int count, ColumnData target)
    {
        var codes = target.AddCodes(count);
        for (var i = 0; i < codes.Length; i++) codes[i] = firstCode + i;
    }

    private void FailValues(PageEncoding encoding, in ValueRange range) =>
        Fail($"{range.Total} values of {Column.Type} in encoding {encoding} that are malformed or end early");
}
