using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

/// <summary>Every way to write values × page version × structure, read back whole and in random parts.</summary>
public sealed class RoundTripTests
{
    private const int RowsPerPage = 61;
    private const int LastRows = 17;

    public enum Content
    {
        Int32Plain, Int32Delta, Int32Dictionary, Int64Plain, Int64Delta, Int64Dictionary, DoublePlain, DoubleDictionary, Boolean,
        StringPlain, StringDelta, StringPrefix, StringDictionary, StringDictionaryAligned, StringFallback, FixedPlain, FixedDictionary,
    }

    public static TheoryData<Content, int> Cases
    {
        get
        {
            var cases = new TheoryData<Content, int>();
            foreach (var content in Enum.GetValues<Content>())
            {
                cases.Add(content, 1);
                cases.Add(content, 2);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Comes_back_whole_and_in_part(Content content, int pageVersion)
    {
        foreach (var path in new[] { "v", "o", "r", "a.b.c" })
        {
            foreach (var hasIndex in new[] { true, false })
            {
                var (reader, samples) = Write(content, path, pageVersion);
                for (var group = 0; group < samples.Length; group++)
                {
                    if (!hasIndex) reader.RowGroups[group].Columns[0].OffsetIndexSizeBytes = 0;
                    Check(reader.OpenColumn(group, reader.Schema.GetColumn(path)), samples[group], content);
                }
            }
        }
    }

    /// <summary>Two row groups, the second of a single page.</summary>
    private static (ParquetFileReader Reader, ColumnSample[] Samples) Write(Content content, string path, int pageVersion)
    {
        var schema = Schema(content, path);
        var column = schema.Columns[0];
        var sink = new MemoryStream();
        var codec = (CompressionCodec)new[] { 0, 1, 2, 4, 6, 7 }[(int)content % 6];
        var options = new ParquetWriterOptions
        {
            DataPageVersion = pageVersion,
            DefaultColumn = new ColumnOptions { Codec = codec, Bounds = BoundsPolicy.All }
        };
        var writer = new ParquetFileWriter(sink, schema, options);
        var chunk = writer.CreateColumn(column);
        ColumnSample[] samples = [new(column, (3 * RowsPerPage) + 11, seed: 1), new(column, LastRows, seed: 2)];
        foreach (var sample in samples)
        {
            var rowCount = sample == samples[0] ? (3 * RowsPerPage) + 11 : LastRows;
            chunk.Reset();
            if (content != Content.StringDictionary) WriteDictionary(chunk, sample, content);
            for (var row = 0; row < rowCount; row += RowsPerPage)
                WritePage(chunk, sample, content, row, Math.Min(row + RowsPerPage, rowCount));
            // A dictionary may come after the pages that use it.
            if (content == Content.StringDictionary) WriteDictionary(chunk, sample, content);
            writer.BeginRowGroup(rowCount);
            writer.WriteColumn(chunk);
        }

        var (fileSize, footerSize) = writer.Finish();
        Assert.Equal(sink.Length, fileSize);
        return (ParquetFileReader.Open(new MemoryParquetSource(sink.ToArray()), footerSize), samples);
    }

    private static ParquetSchema Schema(Content content, string path)
    {
        SchemaNode Leaf(string name, Repetition repetition) => content switch
        {
            Content.Int32Plain or Content.Int32Delta or Content.Int32Dictionary => SchemaNode.Int32(name, repetition),
            Content.Int64Plain or Content.Int64Delta or Content.Int64Dictionary => SchemaNode.Int64(name, repetition),
            Content.DoublePlain or Content.DoubleDictionary => SchemaNode.Double(name, repetition),
            Content.Boolean => SchemaNode.Boolean(name, repetition),
            Content.FixedPlain or Content.FixedDictionary => SchemaNode.Leaf(name, repetition, PhysicalType.FixedLenByteArray, 4),
            _ => SchemaNode.Text(name, repetition),
        };

        return path switch
        {
            "v" => new ParquetSchema("m", Leaf("v", Repetition.Required)),
            "o" => new ParquetSchema("m", Leaf("o", Repetition.Optional)),
            "r" => new ParquetSchema("m", Leaf("r", Repetition.Repeated)),
            _ => new ParquetSchema(
                "m",
                SchemaNode.Group("a", Repetition.Repeated, SchemaNode.Group("b", Repetition.Optional, Leaf("c", Repetition.Repeated)))),
        };
    }

    private static void WriteDictionary(ColumnChunkWriter chunk, ColumnSample sample, Content content)
    {
        switch (content)
        {
            case Content.Int32Dictionary: chunk.WriteDictionary(sample.Ints.AsSpan(0, 5)); break;
            case Content.Int64Dictionary: chunk.WriteDictionary(sample.Longs.AsSpan(0, 5)); break;
            case Content.DoubleDictionary: chunk.WriteDictionary(sample.Doubles.AsSpan(0, 5)); break;
            case Content.FixedDictionary: chunk.WriteDictionary(ByteArrayValues.FixedWidth("abcdefghijklmnopqrst"u8, 4)); break;
            case Content.StringDictionary or Content.StringDictionaryAligned or Content.StringFallback:
                chunk.WriteDictionary(new ByteArrayValues(sample.Dictionary));
                break;
            default: break;
        }
    }

    private static void WritePage(ColumnChunkWriter chunk, ColumnSample sample, Content content, int rowStart, int rowEnd)
    {
        var levels = sample.EncodeLevels(rowStart, rowEnd);
        var (first, end) = sample.Values(rowStart, rowEnd);
        var few = sample.Codes[first..end].Select(static c => c % 5).ToArray();
        switch (content)
        {
            case Content.Int32Plain: chunk.WritePlain(levels, sample.Ints.AsSpan(first..end)); break;
            case Content.Int32Delta: chunk.WriteDelta(levels, sample.Ints.AsSpan(first..end)); break;
            case Content.Int64Plain: chunk.WritePlain(levels, sample.Longs.AsSpan(first..end)); break;
            case Content.Int64Delta: chunk.WriteDelta(levels, sample.Longs.AsSpan(first..end)); break;
            case Content.DoublePlain: chunk.WritePlain(levels, sample.Doubles.AsSpan(first..end)); break;
            case Content.Boolean: chunk.WriteBooleans(levels, sample.Booleans.AsSpan(first..end)); break;
            case Content.FixedPlain: chunk.WritePlain(levels, FixedWidth(sample.Strings[first..end])); break;
            case Content.StringPlain: chunk.WritePlain(levels, new ByteArrayValues(sample.StringTable(first, end))); break;
            case Content.StringDelta: chunk.WriteDeltaLength(levels, new ByteArrayValues(sample.StringTable(first, end))); break;
            case Content.StringPrefix: chunk.WriteDeltaPrefix(levels, new ByteArrayValues(sample.StringTable(first, end))); break;
            case Content.StringDictionary: chunk.WriteDictionaryIndices(levels, sample.Codes.AsSpan(first..end), BitWidth.Of(22)); break;
            case Content.StringDictionaryAligned: chunk.WriteDictionaryIndices(levels, sample.Codes.AsSpan(first..end), 24); break;
            case Content.StringFallback when rowStart == 0: chunk.WriteDictionaryIndices(levels, sample.Codes.AsSpan(first..end), 5); break;
            case Content.StringFallback when rowStart == RowsPerPage:
                chunk.WriteDeltaLength(levels, new ByteArrayValues(sample.Dictionary).Select(sample.Codes.AsSpan(first..end)));
                break;
            case Content.StringFallback:
                chunk.WritePlain(levels, new ByteArrayValues(sample.Dictionary).Select(sample.Codes.AsSpan(first..end))); break;
            default: chunk.WriteDictionaryIndices(levels, few, BitWidth.ByteAlignedOf(4)); break;
        }
    }

    private static void Check(ColumnReader reader, ColumnSample sample, Content content)
    {
        var random = new Random(5);
        var rows = (int)reader.RowCount;
        var data = new ColumnData();
        CheckRange(reader, sample, content, 0, rows, data);
        for (var round = 0; round < 25; round++)
        {
            var start = random.Next(rows);
            CheckRange(reader, sample, content, start, random.Next(start, rows + 1), data);
        }
    }

    private static void CheckRange(ColumnReader reader, ColumnSample sample, Content content, int rowStart, int rowEnd, ColumnData data)
    {
        reader.Read(rowStart, rowEnd - rowStart, data);
        var (firstLevel, endLevel) = sample.Levels(rowStart, rowEnd);
        var (first, end) = sample.Values(rowStart, rowEnd);
        Assert.Equal((rowEnd - rowStart, endLevel - firstLevel, end - first), (data.RowCount, data.LevelCount, data.ValueCount));
        if (reader.Column.MaxRepetitionLevel > 0)
            Assert.Equal(sample.Repetition(rowStart, rowEnd), data.RepetitionLevels[..data.LevelCount]);
        if (reader.Column.MaxDefinitionLevel > 0)
            Assert.Equal(sample.Definition(rowStart, rowEnd), data.DefinitionLevels[..data.LevelCount]);
        CheckValues(sample, content, first, end, data);
    }

    private static void CheckValues(ColumnSample sample, Content content, int first, int end, ColumnData data)
    {
        var few = sample.Codes[first..end].Select(static c => c % 5).ToArray();
        var count = data.ValueCount;
        switch (content)
        {
            case Content.Int32Plain or Content.Int32Delta: Assert.Equal(sample.Ints[first..end], data.Int32s[..count]); break;
            case Content.Int64Plain or Content.Int64Delta: Assert.Equal(sample.Longs[first..end], data.Int64s[..count]); break;
            case Content.DoublePlain: Assert.Equal(sample.Doubles[first..end], data.Doubles[..count]); break;
            case Content.Boolean: Assert.Equal(sample.Booleans[first..end], data.Booleans[..count]); break;
            case Content.Int32Dictionary: Assert.Equal(few.Select(c => sample.Ints[c]), data.Int32s[..count]); break;
            case Content.Int64Dictionary: Assert.Equal(few.Select(c => sample.Longs[c]), data.Int64s[..count]); break;
            case Content.DoubleDictionary: Assert.Equal(few.Select(c => sample.Doubles[c]), data.Doubles[..count]); break;
            case Content.FixedDictionary:
                Assert.Equal(few.Select(static c => "abcdefghijklmnopqrst"u8.Slice(c * 4, 4).ToArray()), Strings(data)); break;
            case Content.FixedPlain: Assert.Equal(sample.Strings[first..end].Select(static s => s[..4]), Strings(data)); break;
            case Content.StringPlain or Content.StringDelta or Content.StringPrefix:
                Assert.Equal(sample.Strings[first..end], Strings(data)); break;
            default: Assert.Equal(sample.Codes[first..end].Select(c => sample.Dictionary[c].ToArray()), Strings(data)); break;
        }
    }

    private static byte[][] Strings(ColumnData data) => [.. data.Codes[..data.ValueCount].Select(c => data.Table[c].ToArray())];

    private static ByteArrayValues FixedWidth(byte[][] strings) =>
        ByteArrayValues.FixedWidth(strings.SelectMany(static s => s[..4]).ToArray(), 4);
}
