using System.Globalization;
using System.Text;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

/// <summary>A few rows of a large chunk, as a look-up of a trace reads them, against the same rows read with everything else.</summary>
public sealed class FewRowsTests
{
    private const int Rows = 1200;
    private const int PageRows = 300;

    // More than a block of a zstd frame, so that the front of a dictionary is less than all of it.
    private const int Entries = 30_000;

    public enum Content
    {
        Texts,
        Longs,
        Ints,
        Doubles,
        Fixed,
    }

    public static MatrixTheoryData<Content, bool> Cases => new(Enum.GetValues<Content>(), [true, false]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Are_those_that_the_whole_chunk_has(Content content, bool withCache)
    {
        var (file, cache) = Open(Write(content, Entries), withCache);
        var whole = new ColumnData();
        var some = new ColumnData();
        var column = file.Schema.Columns[0];
        file.OpenColumn(0, column).Read(0, Rows, whole);
        var random = new Random(7);
        for (var round = 0; round < 150; round++)
        {
            var count = random.Next(1, 40);
            var start = random.Next(Rows - count);
            var reader = file.OpenColumn(0, column);
            // Another read of the same reader, of the same and of other rows, goes another way.
            for (var again = 0; again < 2; again++, start = again == 1 && round % 2 == 0 ? start : Math.Max(0, start - 5))
            {
                reader.Read(start, count, some);
                Assert.Equal(Values(whole, content, start, count), Values(some, content, 0, count));
                Assert.Equal(count, some.RowCount);
            }
        }

        Assert.Equal(withCache, cache.SizeBytes > 0);
        cache.Remove(file);
        Assert.Equal(0, cache.SizeBytes);
    }

    [Fact]
    public void Need_a_part_of_the_dictionary_alone()
    {
        var bytes = Write(Content.Texts, Entries);
        var (file, _) = Open(bytes, withCache: false);
        var reader = file.OpenColumn(0, file.Schema.Columns[0]);
        var data = new ColumnData();
        reader.Read(5, 2, data);
        Assert.Null(reader.LoadedDictionary);
        Assert.InRange(data.Table.Count, 1, 2 * 9);
        // Who comes again will come for the rest, too.
        reader.Read(700, 2, data);
        Assert.Equal(Entries, reader.LoadedDictionary!.Count);
    }

    /// <summary>Headers have no checksum: whatever a flipped bit makes of one, it is an error or changes nothing.</summary>
    [Fact]
    public void Are_never_others_whatever_bit_is_flipped()
    {
        var bytes = Write(Content.Texts, 600);
        var (sound, _) = Open(bytes, withCache: false);
        var column = sound.Schema.Columns[0];
        var chunk = sound.RowGroups[0].Columns[0];
        var data = new ColumnData();
        sound.OpenColumn(0, column).Read(450, 3, data);
        var expected = Values(data, Content.Texts, 0, 3);
        var noticed = 0;
        for (var at = chunk.StartOffset; at < chunk.StartOffset + chunk.CompressedSizeBytes; at++)
        {
            for (var bit = 0; bit < 8; bit += at - chunk.StartOffset < 64 ? 1 : 5)
            {
                bytes[at] ^= (byte)(1 << bit);
                try
                {
                    ParquetFileReader.Open(new MemoryParquetSource(bytes)).OpenColumn(0, column).Read(450, 3, data);
                    Assert.Equal(expected, Values(data, Content.Texts, 0, 3));
                }
                catch (ParquetFormatException)
                {
                    noticed++;
                }

                bytes[at] ^= (byte)(1 << bit);
            }
        }

        Assert.InRange(noticed, 1000, int.MaxValue);
    }

    [Fact]
    public void The_cache_keeps_what_is_asked_for_twice_and_no_more_than_its_bytes()
    {
        var bytes = Write(Content.Texts, 600);
        var cache = new DictionaryCache(200_000);
        var data = new ColumnData();
        var files = Enumerable.Range(0, 20).Select(_ => ParquetFileReader.Open(new MemoryParquetSource(bytes), 0, cache)).ToList();
        foreach (var file in files) file.OpenColumn(0, file.Schema.Columns[0]).Read(0, Rows, data);
        Assert.Equal(0, cache.SizeBytes);
        foreach (var file in files) file.OpenColumn(0, file.Schema.Columns[0]).Read(0, Rows, data);
        Assert.InRange(cache.SizeBytes, 100_000, 200_000);
        var newest = files[^1].OpenColumn(0, files[^1].Schema.Columns[0]).Dictionary;
        Assert.Same(newest, files[^1].OpenColumn(0, files[^1].Schema.Columns[0]).Dictionary);
        foreach (var file in files) cache.Remove(file);
        Assert.Equal(0, cache.SizeBytes);
        // A look-up that was under way when the file was closed leaves nothing behind.
        files[0].OpenColumn(0, files[0].Schema.Columns[0]).Read(0, Rows, data);
        files[0].OpenColumn(0, files[0].Schema.Columns[0]).Read(0, Rows, data);
        Assert.Equal(0, cache.SizeBytes);
    }

    private static (ParquetFileReader File, DictionaryCache Cache) Open(byte[] bytes, bool withCache)
    {
        var cache = new DictionaryCache(64 << 20);
        return (ParquetFileReader.Open(new MemoryParquetSource(bytes), 0, withCache ? cache : null), cache);
    }

    // Rows of 0 to 8 values: mostly entries near the row's share of the dictionary, now and then the first ones.
    private static byte[] Write(Content content, int entries)
    {
        var random = new Random(11);
        var schema = new ParquetSchema("m", content switch
        {
            Content.Texts => SchemaNode.Text("v", Repetition.Repeated),
            Content.Longs => SchemaNode.Int64("v", Repetition.Repeated),
            Content.Ints => SchemaNode.Int32("v", Repetition.Repeated),
            Content.Doubles => SchemaNode.Double("v", Repetition.Repeated),
            _ => SchemaNode.Leaf("v", Repetition.Repeated, PhysicalType.FixedLenByteArray, 6),
        });
        var sink = new MemoryStream();
        var writer = new ParquetFileWriter(
            sink, schema, new ParquetWriterOptions { DefaultColumn = new ColumnOptions { Codec = CompressionCodec.Zstd } });
        var chunk = writer.CreateColumn(schema.Columns[0]);
        WriteDictionary(chunk, content, entries);
        for (var first = 0; first < Rows; first += PageRows)
        {
            var (repetition, definition, indices) = (new List<byte>(), new List<byte>(), new List<int>());
            for (var row = first; row < first + PageRows; row++)
            {
                var values = random.Next(9);
                if (values == 0)
                {
                    repetition.Add(0);
                    definition.Add(0);
                }

                for (var value = 0; value < values; value++)
                {
                    repetition.Add(value == 0 ? (byte)0 : (byte)1);
                    definition.Add(1);
                    indices.Add(random.Next(4) == 0 ? random.Next(20) : row * (entries - 40) / Rows + random.Next(40));
                }
            }

            var (r, d) = (new System.Buffers.ArrayBufferWriter<byte>(), new System.Buffers.ArrayBufferWriter<byte>());
            LevelEncoder.Encode(repetition.ToArray(), 1, r);
            LevelEncoder.Encode(definition.ToArray(), 1, d);
            var levels = new PageLevels
            {
                RowCount = PageRows,
                LevelCount = repetition.Count,
                NullCount = repetition.Count - indices.Count,
                Repetition = r.WrittenSpan,
                Definition = d.WrittenSpan
            };
            chunk.WriteDictionaryIndices(levels, indices.ToArray(), BitWidth.Of(entries - 1));
        }

        writer.BeginRowGroup(Rows);
        writer.WriteColumn(chunk);
        writer.Finish();
        return sink.ToArray();
    }

    private static void WriteDictionary(ColumnChunkWriter chunk, Content content, int entries)
    {
        var numbers = Enumerable.Range(0, entries);
        switch (content)
        {
            case Content.Texts:
                chunk.WriteDictionary(
                    ByteArrays([.. numbers.Select(
                        static n => Encoding.UTF8.GetBytes(new string('x', n % 30) + n.ToString(CultureInfo.InvariantCulture)))])); break;
            case Content.Longs: chunk.WriteDictionary((long[])[.. numbers.Select(static n => n * 7_000_000_000L)]); break;
            case Content.Ints: chunk.WriteDictionary((int[])[.. numbers.Select(static n => n * 70_001)]); break;
            case Content.Doubles: chunk.WriteDictionary((double[])[.. numbers.Select(static n => n / 3.0)]); break;
            default:
                chunk.WriteDictionary(
                ByteArrays([.. numbers.Select(static n => Encoding.UTF8.GetBytes(n.ToString("d6", CultureInfo.InvariantCulture)))])); break;
        }
    }

    private static ByteArrayValues ByteArrays(byte[][] texts)
    {
        var table = new ByteArrayTable();
        foreach (var text in texts) table.Append(text);
        return new ByteArrayValues(table);
    }

    private static string[] Values(ColumnData data, Content content, int firstRow, int rows)
    {
        var texts = new List<string>();
        var (row, value) = (-1, 0);
        for (var i = 0; i < data.LevelCount; i++)
        {
            if (data.RepetitionLevels[i] == 0) row++;
            var isValue = data.DefinitionLevels[i] == 1;
            var isWanted = row >= firstRow && row < firstRow + rows;
            if (isWanted && data.RepetitionLevels[i] == 0) texts.Add("row");
            if (isWanted && isValue)
            {
                texts.Add(content switch
                {
                    Content.Longs => data.Int64s[value].ToString(CultureInfo.InvariantCulture),
                    Content.Ints => data.Int32s[value].ToString(CultureInfo.InvariantCulture),
                    Content.Doubles => data.Doubles[value].ToString(CultureInfo.InvariantCulture),
                    _ => Encoding.UTF8.GetString(data.Table[data.Codes[value]]),
                });
            }

            if (isValue) value++;
        }

        return [.. texts];
    }
}
