using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

public sealed class FileWriterTests
{
    private static readonly ParquetSchema TwoColumns = new("m", SchemaNode.UInt64("a"), SchemaNode.Binary("b"));

    [Fact]
    public void Columns_are_asked_for_in_order_and_completely()
    {
        var writer = new ParquetFileWriter(new MemoryStream(), TwoColumns);
        var a = writer.CreateColumn(TwoColumns.Columns[0]);
        var b = writer.CreateColumn(TwoColumns.Columns[1]);
        a.WritePlain(PageLevels.Flat(2), [1L, 2L]);
        Assert.Contains("row group", Assert.Throws<InvalidOperationException>(() => writer.WriteColumn(a)).Message);
        writer.BeginRowGroup(2);
        Assert.Contains("'a' comes next", Assert.Throws<InvalidOperationException>(() => writer.WriteColumn(b)).Message);
        writer.WriteColumn(a);
        Assert.Contains("'b' has 0 rows", Assert.Throws<InvalidOperationException>(() => writer.WriteColumn(b)).Message);
        Assert.Contains("'b' comes next", Assert.Throws<InvalidOperationException>(() => writer.Finish()).Message);
        Assert.Contains("'b' comes next", Assert.Throws<InvalidOperationException>(() => writer.BeginRowGroup(1)).Message);
    }

    [Fact]
    public void Pages_that_contradict_the_leaf_are_refused()
    {
        var schema = new ParquetSchema("m", SchemaNode.Int64("r", Repetition.Repeated));
        var chunk = new ColumnChunkWriter(schema.Columns[0], new ParquetWriterOptions());
        Assert.Throws<ArgumentException>(() => chunk.WritePlain(PageLevels.Flat(1), [1L])); // no levels
        Assert.Throws<ArgumentException>(() => chunk.WritePlain(PageLevels.Flat(1), [1])); // not INT64
        Assert.Throws<ArgumentException>(() => chunk.WriteDictionaryIndices(Repeated(2, nulls: 0), [0, 4], 2)); // index 4 in 2 bits
        Assert.Throws<ArgumentException>(() => chunk.WritePlain(Repeated(2, nulls: 1), [1L, 2L])); // 2 values and a null in 2 entries
    }

    [Fact]
    public void An_index_beyond_the_dictionary_is_refused()
    {
        var writer = new ParquetFileWriter(new MemoryStream(), TwoColumns);
        var a = writer.CreateColumn(TwoColumns.Columns[0]);
        a.WriteDictionaryIndices(PageLevels.Flat(1), [7], 3);
        a.WriteDictionary([1L, 2L, 3L]);
        writer.BeginRowGroup(1);
        Assert.Contains("index 7", Assert.Throws<InvalidOperationException>(() => writer.WriteColumn(a)).Message);
    }

    [Fact]
    public void Bounds_follow_the_order_of_the_type()
    {
        var reader = WriteTwoColumns(BoundsPolicy.All);
        // Unsigned: -1 is the largest number.
        var index = reader.OpenColumn(0, TwoColumns.Columns[0]).ReadColumnIndex();
        Assert.NotNull(index);
        Assert.Equal([5, 3], index.MinValues.Select(static v => BinaryPrimitives.ReadInt64LittleEndian(v)));
        Assert.Equal([-1, 9], index.MaxValues.Select(static v => BinaryPrimitives.ReadInt64LittleEndian(v)));
        Assert.Equal(BoundaryOrder.Descending, index.Order);
        var statistics = reader.RowGroups[0].Columns[0].Statistics;
        Assert.Equal(3, BinaryPrimitives.ReadInt64LittleEndian(statistics!.Min));
        Assert.Equal(-1, BinaryPrimitives.ReadInt64LittleEndian(statistics.Max));
        // Strings: 0x80 is above 0x7F; a maximum that is cut is rounded up.
        index = reader.OpenColumn(0, TwoColumns.Columns[1]).ReadColumnIndex();
        Assert.NotNull(index);
        Assert.Equal(["7F", "80"], index.MinValues.Select(Convert.ToHexString));
        Assert.Equal(["80", string.Concat(Enumerable.Repeat("AA", 63)) + "AB"], index.MaxValues.Select(Convert.ToHexString));
        Assert.Equal(BoundaryOrder.Ascending, index.Order);
    }

    [Fact]
    public void Pages_of_indices_have_the_bounds_of_what_they_stand_for()
    {
        var schema =
            new ParquetSchema("m", SchemaNode.Int32("int"), SchemaNode.Int64("long"), SchemaNode.Int64("narrow"), SchemaNode.Text("text"));
        var stream = new MemoryStream();
        var writer = new ParquetFileWriter(stream, schema);
        var columns = ParquetFileWriter.CreateColumns(
            schema, new ParquetWriterOptions(), static _ => new ColumnOptions { Bounds = BoundsPolicy.All });
        var texts = new ByteArrayTable();
        foreach (var text in (string[])["m", "a", "z", "k"]) texts.Append(Encoding.UTF8.GetBytes(text));
        // Of four entries each page uses two or three; the dictionary comes last, as in blocks.
        foreach (var page in (int[][])[[0, 1, 1], [2, 3, 2], [3, 3, 3]])
        {
            columns[0].WriteDictionaryIndices(PageLevels.Flat(3), page, 2, page.Select(static i => (i - 2) * 5).ToArray().AsSpan());
            columns[1].WriteDictionaryIndices(
                PageLevels.Flat(3), page, 2, page.Select(static i => (i - 2) * 5_000_000_000L).ToArray().AsSpan());
            columns[2].WriteDictionaryIndices(PageLevels.Flat(3), page, 2, page.Select(static i => (i - 2) * 5).ToArray().AsSpan());
            columns[3].WriteDictionaryIndices(PageLevels.Flat(3), page, 2, new ByteArrayValues(texts));
        }

        columns[0].WriteDictionary([-10, -5, 0, 5]);
        columns[1].WriteDictionary([-10_000_000_000L, -5_000_000_000L, 0, 5_000_000_000L]);
        columns[2].WriteDictionary([-10L, -5L, 0, 5]);
        columns[3].WriteDictionary(new ByteArrayValues(texts));
        writer.BeginRowGroup(9);
        foreach (var column in columns) writer.WriteColumn(column);
        writer.Finish();
        var reader = ParquetFileReader.Open(new MemoryParquetSource(stream.ToArray()));
        string[] Bounds(int column, Func<byte[], object> value)
        {
            var index = reader.OpenColumn(0, schema.Columns[column]).ReadColumnIndex();
            Assert.NotNull(index);
            return [.. index.MinValues.Zip(index.MaxValues, (min, max) => $"{value(min)} {value(max)}")];
        }

        Assert.Equal(["-10 -5", "0 5", "5 5"], Bounds(0, static v => BinaryPrimitives.ReadInt32LittleEndian(v)));
        Assert.Equal(["-10000000000 -5000000000", "0 5000000000", "5000000000 5000000000"],
            Bounds(1, static v => BinaryPrimitives.ReadInt64LittleEndian(v)));
        Assert.Equal(["-10 -5", "0 5", "5 5"], Bounds(2, static v => BinaryPrimitives.ReadInt64LittleEndian(v)));
        Assert.Equal(["a m", "k z", "k k"], Bounds(3, static v => Encoding.UTF8.GetString(v)));
        Assert.Equal(5, BinaryPrimitives.ReadInt32LittleEndian(reader.RowGroups[0].Columns[0].Statistics!.Max));
    }

    [Fact]
    public void Strings_have_bounds_only_when_asked()
    {
        var reader = WriteTwoColumns(BoundsPolicy.Numbers);
        Assert.NotNull(reader.OpenColumn(0, TwoColumns.Columns[0]).ReadColumnIndex());
        Assert.Null(reader.OpenColumn(0, TwoColumns.Columns[1]).ReadColumnIndex());
        Assert.Null(reader.RowGroups[0].Columns[1].Statistics!.Min);
    }

    [Fact]
    public void The_file_says_who_wrote_it_and_where_its_pages_are()
    {
        var reader = WriteTwoColumns(BoundsPolicy.None);
        Assert.Equal("tempo test", reader.CreatedBy);
        Assert.Equal("value", reader.KeyValueMetadata["key"]);
        Assert.Equal(4, reader.RowCount);
        var column = reader.OpenColumn(0, TwoColumns.Columns[0]);
        Assert.Equal([(0, 2), (2, 2)], Enumerable.Range(0, column.PageCount).Select(column.GetPageRows));
        Assert.Null(column.Dictionary);
        Assert.False(column.Chunk.IsDictionaryOnly);
    }

    [Fact]
    public void A_chunk_of_indices_only_says_so()
    {
        var schema = new ParquetSchema("m", SchemaNode.Text("t"));
        var sink = new MemoryStream();
        var writer = new ParquetFileWriter(sink, schema);
        var chunk = writer.CreateColumn(schema.Columns[0]);
        chunk.WriteDictionary(ByteArrayValues.FixedWidth("ab"u8, 1));
        chunk.WriteDictionaryIndices(PageLevels.Flat(3), [1, 0, 1], 1);
        writer.BeginRowGroup(3);
        writer.WriteColumn(chunk);
        writer.Finish();
        var column = ParquetFileReader.Open(new MemoryParquetSource(sink.ToArray())).OpenColumn(0, schema.Columns[0]);
        Assert.True(column.Chunk.IsDictionaryOnly);
        Assert.Equal("b"u8, column.Dictionary!.Strings[1]);
        var data = new ColumnData();
        column.Read(0, 3, data);
        Assert.Same(column.Dictionary.Strings, data.Table);
        Assert.Equal([1, 0, 1], data.Codes[..3]);
    }

    [Fact]
    public void Rows_split_over_pages_are_joined_where_there_is_no_index()
    {
        var schema = new ParquetSchema("m", SchemaNode.Int64("r", Repetition.Repeated));
        var sink = new MemoryStream();
        var writer = new ParquetFileWriter(sink, schema);
        var chunk = writer.CreateColumn(schema.Columns[0]);
        // Rows (1 2 3 4 5 6) and (7 8): the first goes over three pages, the second begins within the third.
        byte[][] repetition = [[0, 1], [1, 1], [1, 1, 0], [1]];
        long[][] values = [[1, 2], [3, 4], [5, 6, 7], [8]];
        for (var page = 0; page < 4; page++)
        {
            var count = values[page].Length;
            chunk.WritePlain(
                new PageLevels
                {
                    RowCount = repetition[page].Count(static r => r == 0),
                    LevelCount = count,
                    Repetition = ColumnSample.Encode(repetition[page], 1),
                    Definition = ColumnSample.Encode([.. Enumerable.Repeat((byte)1, count)], 1),
                },
                values[page]);
        }

        writer.BeginRowGroup(2);
        writer.WriteColumn(chunk);
        writer.Finish();
        var reader = ParquetFileReader.Open(new MemoryParquetSource(sink.ToArray()));
        reader.RowGroups[0].Columns[0].OffsetIndexSizeBytes = 0;
        var column = reader.OpenColumn(0, reader.Schema.Columns[0]);
        Assert.Equal([1, 2, 3, 4, 5, 6], ReadLongs(column, 0, 1));
        Assert.Equal([7, 8], ReadLongs(column, 1, 1));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], ReadLongs(column, 0, 2));
        for (var most = 1; most <= 9; most++)
        {
            Assert.Equal([1, 2, 3, 4, 5, 6], ReadSlices(column, 0, 1, most));
            Assert.Equal([7, 8], ReadSlices(column, 1, 1, most));
            Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], ReadSlices(column, 0, 2, most));
        }
    }

    [Fact]
    public void A_chunk_is_written_in_pieces_as_it_is_at_once()
    {
        var schema = new ParquetSchema("m", SchemaNode.Int64("a"), SchemaNode.Int64("b"));
        byte[] Write(bool isInPieces)
        {
            var sink = new MemoryStream();
            using var writer = new ParquetFileWriter(sink, schema);
            writer.BeginRowGroup(6);
            foreach (var column in schema.Columns)
            {
                var chunk = writer.CreateColumn(column);
                for (var page = 0; page < 3; page++)
                {
                    chunk.WritePlain(PageLevels.Flat(2), new long[] { page, page + column.Index });
                    if (isInPieces && page != 1) writer.WritePages(chunk);
                }

                writer.WriteColumn(chunk);
            }

            writer.Finish();
            return sink.ToArray();
        }

        Assert.Equal(Write(isInPieces: false), Write(isInPieces: true));
    }

    private static long[] ReadSlices(ColumnReader column, long rowStart, int rowCount, int most)
    {
        var data = new ColumnData();
        var all = new List<long>();
        column.ReadSlices(rowStart, rowCount, most, data, () =>
        {
            Assert.InRange(data.LevelCount, 1, most);
            all.AddRange(data.Int64s[..data.ValueCount]);
        });
        return [.. all];
    }

    private static long[] ReadLongs(ColumnReader column, long rowStart, int rowCount)
    {
        var data = new ColumnData();
        column.Read(rowStart, rowCount, data);
        return data.Int64s[..data.ValueCount];
    }

    private static PageLevels Repeated(int entries, int nulls) => new()
    {
        RowCount = 1,
        LevelCount = entries,
        NullCount = nulls,
        Repetition = new byte[] { 0 },
        Definition = new byte[] { 0 },
    };

    /// <summary>Two pages of two rows each.</summary>
    private static ParquetFileReader WriteTwoColumns(BoundsPolicy bounds)
    {
        var sink = new MemoryStream();
        var options = new ParquetWriterOptions
        {
            CreatedBy = "tempo test",
            KeyValueMetadata = [new("key", "value")],
            DefaultColumn = new ColumnOptions { Bounds = bounds },
        };
        var writer = new ParquetFileWriter(sink, TwoColumns, options);
        var a = writer.CreateColumn(TwoColumns.Columns[0]);
        a.WritePlain(PageLevels.Flat(2), [5L, -1L]);
        a.WriteDelta(PageLevels.Flat(2), [9L, 3L]);
        var b = writer.CreateColumn(TwoColumns.Columns[1]);
        b.WritePlain(PageLevels.Flat(2), ByteArrayValues.FixedWidth([0x80, 0x7F], 1));
        byte[] text = [0x80, .. Enumerable.Repeat((byte)0xAA, 70)];
        b.WritePlain(PageLevels.Flat(2), new ByteArrayValues([0, 1, 71], text));
        writer.BeginRowGroup(4);
        writer.WriteColumn(a);
        writer.WriteColumn(b);
        var (_, footerSize) = writer.Finish();
        return ParquetFileReader.Open(new MemoryParquetSource(sink.ToArray()), footerSize);
    }
}
