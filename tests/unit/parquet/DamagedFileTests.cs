using System.Buffers;
using System.Buffers.Binary;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

/// <summary>Whatever is wrong with a file, the reader says so by its own exception, and takes no memory for what is only claimed.</summary>
public sealed class DamagedFileTests
{
    private static readonly ParquetSchema Schema = new(
        "m",
        SchemaNode.Int64("number"),
        SchemaNode.Group(
            "g", Repetition.Repeated, SchemaNode.Text("text", Repetition.Optional), SchemaNode.Text("word"), SchemaNode.Boolean("flag")));

    [Theory]
    [InlineData(1, CompressionCodec.Uncompressed)]
    [InlineData(2, CompressionCodec.Uncompressed)]
    [InlineData(1, CompressionCodec.Zstd)]
    [InlineData(2, CompressionCodec.Snappy)]
    [InlineData(1, CompressionCodec.Gzip)]
    [InlineData(2, CompressionCodec.Lz4Raw)]
    public void Every_flipped_bit_is_harmless_or_refused(int pageVersion, CompressionCodec codec)
    {
        var file = WriteSample(pageVersion, codec, checksums: true, out var pagesEnd);
        var expected = ReadAll(file);
        for (var bit = 0; bit < file.Length * 8; bit++)
        {
            file[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                var actual = ReadAll(file);
                // Behind the pages a bit may change a name or a bound, which nothing can tell.
                if (bit / 8 < pagesEnd) Assert.Equal(expected, actual);
            }
            catch (ParquetFormatException)
            {
                // What should happen.
            }

            file[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Damage_without_checksums_never_surprises(int pageVersion)
    {
        var random = new Random(pageVersion);
        var sound = WriteSample(pageVersion, CompressionCodec.Uncompressed, checksums: false, out _);
        for (var round = 0; round < 20_000; round++)
        {
            var file = (byte[])sound.Clone();
            for (var damage = random.Next(1, 4); damage > 0; damage--)
            {
                var at = random.Next(file.Length);
                file[at] = random.Next(3) switch { 0 => 0xFF, 1 => 0, _ => (byte)random.Next(256) };
            }

            try
            {
                ReadAll(file);
            }
            catch (ParquetFormatException)
            {
                // What may happen; anything else fails the test.
            }
        }
    }

    [Fact]
    public void Every_cut_is_refused()
    {
        var file = WriteSample(1, CompressionCodec.Zstd, checksums: true, out _);
        for (var length = 0; length < file.Length; length++)
            Assert.Throws<ParquetFormatException>(() => ParquetFileReader.Open(new MemoryParquetSource(file.AsMemory(0, length))));
    }

    [Theory]
    [InlineData(0xFFFFFFFF)]
    [InlineData(0x7FFFFFFF)]
    [InlineData(50)]
    public void A_footer_larger_than_the_file_is_refused(uint footerSize)
    {
        var file = new byte[50];
        "PAR1"u8.CopyTo(file);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(42), footerSize);
        "PAR1"u8.CopyTo(file.AsSpan(46));
        Assert.Throws<ParquetFormatException>(() => ParquetFileReader.Open(new MemoryParquetSource(file)));
    }

    [Fact]
    public void A_list_that_claims_more_than_there_is_takes_no_memory()
    {
        // version 1; field 2, a list of 2^31 - 1 structs
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ParquetFormatException>(() => OpenFooter([0x15, 0x02, 0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Fact]
    public void A_schema_too_deep_is_refused_without_recursion_to_its_end()
    {
        var writer = new ThriftCompactWriter();
        writer.WriteI32(1, 1);
        writer.BeginList(2, ThriftType.Struct, 16_000);
        for (var i = 0; i < 16_000; i++)
        {
            writer.BeginStructElement();
            writer.WriteText(4, "g");
            writer.WriteI32(5, 1);
            writer.EndStruct();
        }

        writer.EndStruct();
        var footer = writer.Written.ToArray();
        Assert.Contains("deeper", Assert.Throws<ParquetFormatException>(() => OpenFooter(footer)).Message);
    }

    [Fact]
    public void Structs_nested_too_deep_are_refused()
    {
        // Field 1 where the version belongs: a list of a list of a list …, and no end.
        byte[] footer = [0x19, .. Enumerable.Repeat((byte)0x19, 100_000)];
        Assert.Contains("nesting", Assert.Throws<ParquetFormatException>(() => OpenFooter(footer)).Message);
    }

    [Theory]
    [InlineData(1_000_000_000, 16, 16)] // a billion values
    [InlineData(10, 1_000_000_000, 16)] // a gigabyte, uncompressed
    [InlineData(10, 16_000_000, 16)] // beyond what 16 bytes of zstd can hold
    [InlineData(10, 16, -1)]
    [InlineData(-1, 16, 16)]
    public void A_page_that_lies_about_its_size_takes_no_memory(int valueCount, int uncompressed, int compressed)
    {
        var header = new PageHeader
        {
            Type = PageType.Data,
            ValueCount = valueCount,
            UncompressedSizeBytes = uncompressed,
            CompressedSizeBytes = compressed,
        };
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ParquetFormatException>(() => ReadPage(header, new byte[16]));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void An_index_beyond_the_dictionary_is_refused()
    {
        var output = new ArrayBufferWriter<byte>();
        RleBitPackedHybrid.Encode([0, 1, 2, 3], 2, output);
        byte[] body = [2, .. output.WrittenSpan];
        var header = new PageHeader
        {
            Type = PageType.Data,
            ValueCount = 4,
            Encoding = PageEncoding.RleDictionary,
            UncompressedSizeBytes = body.Length,
            CompressedSizeBytes = body.Length,
        };
        var message = Assert.Throws<ParquetFormatException>(() => ReadPage(header, body, CompressionCodec.Uncompressed, [7, 8, 9])).Message;
        Assert.Contains("beyond the dictionary's 3 entries", message);
        Assert.Contains("Column 'v'", message);
        Assert.Equal([7, 8, 9, 1], ReadPage(header, body, CompressionCodec.Uncompressed, [7, 8, 9, 1]));
        Assert.Contains(
            "does not have", Assert.Throws<ParquetFormatException>(() => ReadPage(header, body, CompressionCodec.Uncompressed)).Message);
    }

    private static long[] ReadPage(
        PageHeader header, byte[] body, CompressionCodec codec = CompressionCodec.Zstd, long[]? dictionary = null)
    {
        var rows = header.ValueCount is > 0 and < 100 ? header.ValueCount : 10;
        var data = new ColumnData();
        SinglePage.Open(SchemaNode.Int64("v"), header, body, rows, codec, dictionary).Read(0, rows, data);
        return data.Int64s[..data.ValueCount];
    }

    private static void OpenFooter(byte[] footer)
    {
        byte[] file = [.. "PAR1"u8, .. footer, .. BitConverter.GetBytes(footer.Length), .. "PAR1"u8];
        ParquetFileReader.Open(new MemoryParquetSource(file));
    }

    private static byte[] WriteSample(int pageVersion, CompressionCodec codec, bool checksums, out long pagesEnd)
    {
        var sink = new MemoryStream();
        var options = new ParquetWriterOptions
        {
            DataPageVersion = pageVersion,
            PageChecksums = checksums,
            DefaultColumn = new ColumnOptions { Codec = codec, Bounds = BoundsPolicy.All },
        };
        var writer = new ParquetFileWriter(sink, Schema, options);
        writer.BeginRowGroup(6);
        foreach (var column in Schema.Columns)
        {
            var sample = new ColumnSample(column, 6, seed: 4);
            var chunk = writer.CreateColumn(column);
            if (column.Path == "g.word") chunk.WriteDictionary(new ByteArrayValues(sample.Dictionary));
            foreach (var (start, end) in new[] { (0, 4), (4, 6) })
            {
                var levels = sample.EncodeLevels(start, end);
                var (first, last) = sample.Values(start, end);
                if (column.Path == "number") chunk.WriteDelta(levels, sample.Longs.AsSpan(first..last));
                else if (column.Path == "g.text") chunk.WriteDeltaLength(levels, new ByteArrayValues(sample.StringTable(first, last)));
                else if (column.Path == "g.flag") chunk.WriteBooleans(levels, sample.Booleans.AsSpan(first..last));
                else chunk.WriteDictionaryIndices(levels, sample.Codes.AsSpan(first..last), 8);
            }

            writer.WriteColumn(chunk);
        }

        pagesEnd = writer.SizeBytes;
        writer.Finish();
        return sink.ToArray();
    }

    /// <summary>All there is in a file, as text.</summary>
    private static string ReadAll(byte[] file)
    {
        var reader = ParquetFileReader.Open(new MemoryParquetSource(file));
        var data = new ColumnData();
        var text = new System.Text.StringBuilder();
        for (var group = 0; group < reader.RowGroups.Count; group++)
        {
            foreach (var column in reader.Schema.Columns)
            {
                var chunk = reader.OpenColumn(group, column);
                chunk.ReadColumnIndex();
                chunk.Read(0, (int)Math.Min(chunk.RowCount, 1000), data);
                text.AppendLine(column.Path);
                if (column.MaxRepetitionLevel > 0) text.AppendJoin(',', data.RepetitionLevels[..data.LevelCount]).AppendLine();
                if (column.MaxDefinitionLevel > 0) text.AppendJoin(',', data.DefinitionLevels[..data.LevelCount]).AppendLine();
                for (var i = 0; i < data.ValueCount; i++) text.AppendLine(Value(column, data, i));
            }
        }

        return text.ToString();
    }

    private static string Value(ParquetColumn column, ColumnData data, int index) => column.Type switch
    {
        PhysicalType.Int32 => $"{data.Int32s[index]}",
        PhysicalType.Int64 => $"{data.Int64s[index]}",
        PhysicalType.Float or PhysicalType.Double => $"{data.Doubles[index]}",
        PhysicalType.Boolean => $"{data.Booleans[index]}",
        _ => Convert.ToHexString(data.Table[data.Codes[index]]),
    };
}
