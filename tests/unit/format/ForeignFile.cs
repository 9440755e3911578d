using System.Buffers;
using System.Text;
using Tempo.Engine.Parquet;

namespace Tempo.Format.Tests;

/// <summary>Writes shredded rows as a Parquet file in a foreign style; pages end at rows of their own in each leaf.</summary>
internal sealed class ForeignFile(SchemaListing listing, ForeignStyle style, Random random)
{
    public (byte[] Data, int FooterSizeBytes) Write(IReadOnlyList<Dictionary<string, object?>> rows, int rowsPerGroup)
    {
        using var stream = new MemoryStream();
        var options = new ParquetWriterOptions
        {
            DataPageVersion = style.PageVersion,
            PageChecksums = style.HasChecksums,
            CreatedBy = "tests/unit/format"
        };
        var file = new ParquetFileWriter(stream, listing.Schema, options);
        foreach (var group in rows.Chunk(rowsPerGroup))
        {
            var shredder = new Shredder(listing.Schema);
            foreach (var row in group) shredder.AddRow(row);
            file.BeginRowGroup(group.Length);
            foreach (var leaf in shredder.Leaves) file.WriteColumn(Chunk(leaf, options));
        }

        var (_, footerSizeBytes) = file.Finish();
        return (stream.ToArray(), footerSizeBytes);
    }

    private ColumnChunkWriter Chunk(ShreddedLeaf leaf, ParquetWriterOptions options)
    {
        var words = listing.Words[leaf.Column.Path];
        var codec =
            !style.FollowsListing ? style.Codec : words.Contains("snappy") ? CompressionCodec.Snappy : CompressionCodec.Uncompressed;
        var encoding = !style.FollowsListing ? style.Encoding : words.Contains("dict") ? ValueEncoding.Dictionary
            : words.Contains("delta") || leaf.Column.Type == PhysicalType.ByteArray ? ValueEncoding.Delta : ValueEncoding.Plain;
        var chunk = new ColumnChunkWriter(leaf.Column, options,
            new ColumnOptions
            {
                Codec = codec,
                Bounds = style.HasBounds || leaf.Column.Path == "TraceID" ? BoundsPolicy.All : BoundsPolicy.None
            });
        var dictionary = encoding == ValueEncoding.Dictionary && leaf.Column.Type != PhysicalType.Boolean ? new List<object>() : null;
        for (var row = 0; row < leaf.RowStarts.Count;)
        {
            var rowCount = random.Next(1, leaf.RowStarts.Count - row + 1);
            var end = row + rowCount < leaf.RowStarts.Count ? leaf.RowStarts[row + rowCount] : leaf.Values.Count;
            WritePage(chunk, leaf, leaf.RowStarts[row], end, rowCount, encoding, dictionary);
            row += rowCount;
        }

        if (dictionary is not null) WriteDictionary(chunk, dictionary);
        return chunk;
    }

    private static void WritePage(
        ColumnChunkWriter chunk, ShreddedLeaf leaf, int from, int to, int rowCount, ValueEncoding encoding, List<object>? dictionary)
    {
        var values = leaf.Values[from..to].OfType<object>().ToList();
        var levels = new PageLevels
        {
            RowCount = rowCount,
            LevelCount = to - from,
            NullCount = to - from - values.Count,
            Repetition = Encoded(leaf.Repetition, leaf.Column.MaxRepetitionLevel),
            Definition = Encoded(leaf.Definition, leaf.Column.MaxDefinitionLevel),
        };
        if (dictionary is not null)
        {
            var indexes = values.Select(value => IndexOf(dictionary, value)).ToArray();
            chunk.WriteDictionaryIndices(levels, indexes, BitWidth.Of(Math.Max(0, dictionary.Count - 1)));
            return;
        }

        switch (leaf.Column.Type)
        {
            case PhysicalType.Boolean:
                chunk.WriteBooleans(levels, [.. values.Select(static value => (bool)value ? (byte)1 : (byte)0)]);
                break;
            case PhysicalType.Double:
                chunk.WritePlain(levels, [.. values.Select(static value => (double)value)]);
                break;
            case PhysicalType.Int32 when encoding == ValueEncoding.Plain:
                chunk.WritePlain(levels, [.. values.Select(ToInt32)]);
                break;
            case PhysicalType.Int32:
                chunk.WriteDelta(levels, [.. values.Select(ToInt32)]);
                break;
            case PhysicalType.Int64 when encoding == ValueEncoding.Plain:
                chunk.WritePlain(levels, [.. values.Select(ToInt64)]);
                break;
            case PhysicalType.Int64:
                chunk.WriteDelta(levels, [.. values.Select(ToInt64)]);
                break;
            default:
                WriteBytes(chunk, levels, values, encoding);
                break;
        }

        byte[] Encoded(List<byte> all, int maxLevel)
        {
            if (maxLevel == 0) return [];
            var output = new ArrayBufferWriter<byte>();
            LevelEncoder.Encode([.. all[from..to]], maxLevel, output);
            return output.WrittenSpan.ToArray();
        }
    }

    private static void WriteBytes(ColumnChunkWriter chunk, in PageLevels levels, List<object> values, ValueEncoding encoding)
    {
        var table = new ByteArrayTable();
        foreach (var value in values) table.Append(ToBytes(value));
        if (encoding == ValueEncoding.Plain) chunk.WritePlain(levels, new ByteArrayValues(table));
        else if (encoding == ValueEncoding.Prefix) chunk.WriteDeltaPrefix(levels, new ByteArrayValues(table));
        else chunk.WriteDeltaLength(levels, new ByteArrayValues(table));
    }

    private static void WriteDictionary(ColumnChunkWriter chunk, List<object> entries)
    {
        switch (chunk.Column.Type)
        {
            case PhysicalType.Int32:
                chunk.WriteDictionary([.. entries.Select(ToInt32)]);
                break;
            case PhysicalType.Int64:
                chunk.WriteDictionary([.. entries.Select(ToInt64)]);
                break;
            case PhysicalType.Double:
                chunk.WriteDictionary([.. entries.Select(static value => (double)value)]);
                break;
            default:
                var table = new ByteArrayTable();
                foreach (var entry in entries) table.Append(ToBytes(entry));
                chunk.WriteDictionary(new ByteArrayValues(table));
                break;
        }
    }

    // Few values: a list is quick enough, and compares byte arrays and NaN by what is in them.
    private static int IndexOf(List<object> dictionary, object value)
    {
        var index = dictionary.FindIndex(entry => entry is byte[] a && value is byte[] b ? a.AsSpan().SequenceEqual(b)
            : entry is double x && value is double y ? BitConverter.DoubleToInt64Bits(x) == BitConverter.DoubleToInt64Bits(y)
            : entry.Equals(value));
        if (index >= 0) return index;
        dictionary.Add(value);
        return dictionary.Count - 1;
    }

    private static byte[] ToBytes(object value) => value as byte[] ?? Encoding.UTF8.GetBytes((string)value);

    private static int ToInt32(object value) => value is uint unsigned ? (int)unsigned : (int)value;

    private static long ToInt64(object value) => value switch { ulong unsigned => (long)unsigned, int small => small, _ => (long)value };
}
