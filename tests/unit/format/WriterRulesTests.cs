using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// What a Tempo does not take, or takes wrongly without a word (seen on 3.0.3): each must stay out of what is written, in both
/// versions. Answers of metrics differ in their last digits with the order of spans, which no test here can show.
/// </summary>
public sealed class WriterRulesTests
{
    public static TheoryData<string> Versions =>
        [.. BlockVersion.All.Where(static version => version.CanWrite).Select(static version => version.Name)];

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_leaf_that_is_missing_added_moved_or_of_another_kind_is_noticed(string name)
    {
        var version = BlockVersion.Get(name);
        var sound = version.BuildSchema(TestColumns.Some).Root.Children;
        version.CheckLeaves(new ParquetSchema("Trace", [.. sound]), TestColumns.Some);
        SchemaNode[][] wrong =
        [
            [.. sound.Skip(1)],
            [.. sound, SchemaNode.Text("More")],
            [sound[1], sound[0], .. sound.Skip(2)],
            [SchemaNode.Text("TraceID", Repetition.Optional), .. sound.Skip(1)],
            [SchemaNode.Int64("TraceID"), .. sound.Skip(1)],
            [.. version.BuildSchema(DedicatedColumns.None).Root.Children.Take(8),
                .. BlockVersion.All.First(other => other.Name != name).BuildSchema(TestColumns.Some).Root.Children.Skip(8)],
        ];
        foreach (var leaves in wrong)
            Assert.Contains("belongs there", Assert.Throws<ParquetFormatException>(
                () => version.CheckLeaves(new ParquetSchema("Trace", leaves), TestColumns.Some)).Message);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Encodings_and_codecs_are_those_that_Tempo_reads_rightly(string name)
    {
        var file = Open(Write(name));
        foreach (var group in file.RowGroups)
            foreach (var column in file.Schema.Columns)
            {
                var chunk = group.Columns[column.Index];
                Assert.Equal(CompressionCodec.Zstd, chunk.Codec);
                Assert.DoesNotContain(PageEncoding.ByteStreamSplit, chunk.Encodings);
                if (column.PathParts[^1] == "ParentID") Assert.Equal(0, chunk.DictionaryPageOffset);
                if (column.PathParts[^1] == "Key" && chunk.ValueCount > 0 && HasValues(file, column))
                    Assert.True(chunk.DictionaryPageOffset > 0, column.Path);
                // RLE is there for levels; of a boolean's values the pages say PLAIN.
                if (column.Type == PhysicalType.Boolean) Assert.Equal([PageEncoding.Plain, PageEncoding.Rle], chunk.Encodings.Order());
            }
    }

    /// <summary>
    /// Version 1 pages begin with the length of their levels, end at rows, and stand alone as zstd frames without checksum.
    /// </summary>
    [Theory]
    [MemberData(nameof(Versions))]
    public void Pages_end_at_rows_and_are_frames_of_their_own(string name)
    {
        var block = Write(name);
        var file = Open(block);
        var pages = 0;
        var data = new ColumnData();
        for (var group = 0; group < file.RowGroups.Count; group++)
            foreach (var column in file.Schema.Columns)
            {
                var reader = file.OpenColumn(group, column);
                if (reader.Dictionary is not null) pages++;
                long next = 0;
                for (var page = 0; page < reader.PageCount; page++, pages++)
                {
                    var (first, count) = reader.GetPageRows(page);
                    Assert.Equal(next, first);
                    reader.Read(first, count, data);
                    if (column.MaxRepetitionLevel > 0) Assert.Equal(0, data.RepetitionLevels[0]);
                    next += count;
                }

                Assert.Equal(file.RowGroups[group].RowCount, next);
            }

        ReadOnlySpan<byte> magic = [0x28, 0xB5, 0x2F, 0xFD];
        var frames = 0;
        for (var rest = block.Data.AsSpan(); rest.IndexOf(magic) is >= 0 and var at; rest = rest[(at + 4)..], frames++)
            Assert.True((rest[at + 4] & 4) == 0, $"frame {frames} has a checksum");
        Assert.Equal(pages, frames);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task The_meta_has_the_sizes_of_the_file(string name)
    {
        using var store = ForeignStore.Create();
        var blocks = store.Open();
        var layout = new BlockWriterOptions
        {
            Version = BlockVersion.Get(name),
            RowGroupSpans = 60,
            PageSpans = 20,
            DedicatedColumns = TestColumns.Some
        };
        var meta = await blocks.WriteAsync(
            new NewBlock { Tenant = TenantId.Single, Id = BlockId.Derive(1, 1), Layout = layout },
            writer => LiveTraces.ForEach([View(5)], writer.Add), TestContext.Current.CancellationToken);
        var data = File.ReadAllBytes(Path.Combine(store.ObjectsPath, TenantId.Single.Value, meta!.BlockId.ToString(), "data.parquet"));
        Assert.Equal(name, meta.Format);
        Assert.Equal(data.Length, meta.SizeBytes);
        Assert.Equal(BinaryPrimitives.ReadInt32LittleEndian(data.AsSpan(data.Length - 8)), meta.FooterSizeBytes);
        var file = ParquetFileReader.Open(new MemoryParquetSource(data));
        Assert.Equal((file.RowGroups.Count, file.RowCount), (meta.RowGroupCount, meta.TotalObjects));
        // Tempo takes the columns from the list in meta.json, so what it cannot hold may not be there.
        Assert.Equal(name == "vParquet5" ? 8 : 4, meta.DedicatedColumns.Specs.Count);
    }

    private static bool HasValues(ParquetFileReader file, ParquetColumn column)
    {
        var data = new ColumnData();
        for (var group = 0; group < file.RowGroups.Count; group++)
        {
            file.OpenColumn(group, column).Read(0, (int)file.RowGroups[group].RowCount, data);
            if (data.ValueCount == 0) return false;
        }

        return true;
    }

    private static MemoryBlock Write(string name) => MemoryBlock.Write(
        new BlockWriterOptions
        {
            Version = BlockVersion.Get(name),
            RowGroupSpans = 100,
            PageSpans = 30,
            DedicatedColumns = TestColumns.Some
        }, [View(9)]);

    private static LiveBatchView View(int seed)
    {
        var requests = new RandomRequests(seed, traceCount: 30);
        var batch = new LiveBatch();
        for (var i = 0; i < 60; i++) batch.Append(requests.Next(), 64);
        return Spans.View(batch);
    }

    private static ParquetFileReader Open(MemoryBlock block) => ParquetFileReader.Open(new MemoryParquetSource(block.Data));
}
