using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>The blocks in tests/format/blocks, made by other writers and at other times, are read row for row.</summary>
public sealed class GoldenBlocksTests
{
    private const int MaxBytes = 200 * 1024;

    private static readonly string Blocks = GoldenFolder.PathOf("blocks");

    private static readonly DedicatedColumns Dedicated = Columns();

    static GoldenBlocksTests()
    {
        if (Environment.GetEnvironmentVariable("TEMPO_WRITE_GOLDEN") == "1") WriteMissing();
    }

    public static TheoryData<string> Files =>
        [.. Directory.EnumerateFiles(Blocks, "*.parquet").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_golden_block_is_read_row_for_row(string file)
    {
        var data = File.ReadAllBytes(Path.Combine(Blocks, file));
        var version = file.Split('.')[0];
        var meta = new BlockMeta
        {
            Format = version.Split('-')[0],
            BlockId = default,
            Tenant = TenantId.Single,
            StartSeconds = 0,
            EndSeconds = 0,
            TotalObjects = 3,
            SizeBytes = data.Length,
            RowGroupCount = 1,
            BloomShardCount = 0,
            FooterSizeBytes = 0,
            DedicatedColumns = Dedicated,
        };
        using var reader = new BlockReader(meta, new MemoryParquetSource(data), [], []);
        ReadForeignBlocksTests.AssertEqual(Traces(version).Expected, visit => MemoryBlock.ForEachTrace(reader, new Random(1), 3, visit));
    }

    [Fact]
    public void All_writers_are_there_and_the_files_are_small()
    {
        string[] expected =
        [
            "vParquet3-early.tempo.parquet", "vParquet3.tempo.parquet", "vParquet4.arrow-plain-zstd-v2.parquet",
            "vParquet4.arrow-snappy-v1.parquet",
            "vParquet4.hyparquet-snappy.parquet", "vParquet4.ours.parquet", "vParquet5.ours.parquet", "vParquet5.tempo.parquet",
        ];
        var files = new DirectoryInfo(Blocks).GetFiles();
        Assert.Empty(expected.Except(files.Select(static file => file.Name)));
        Assert.InRange(files.Sum(static file => file.Length), 1, MaxBytes);
    }

    private static void WriteMissing()
    {
        Directory.CreateDirectory(Blocks);
        // Other writers stand for vParquet4.
        foreach (var version in ReadForeignBlocksTests.Versions.Where(static version => version != "vParquet4"))
            Write($"{version}.tempo.parquet", ForeignBlock.Write(
                version, Traces(version), Dedicated, ForeignStyle.Tempo with { HasBounds = false }, seed: 1, rowsPerGroup: 3).Data);
        foreach (var version in BlockVersion.All.Where(static version => version.CanWrite))
            Write($"{version.Name}.ours.parquet", MemoryBlock.Write(
                new BlockWriterOptions { Version = version, DedicatedColumns = Dedicated },
                [Spans.View(Spans.Append(Data().ToByteArray()))]).Data);

        static void Write(string name, byte[] data)
        {
            var path = Path.Combine(Blocks, name);
            if (!File.Exists(path)) File.WriteAllBytes(path, data);
        }
    }

    private static ForeignTraces Traces(string version) => ForeignTraces.Of(version, Data());

    private static TracesData Data() => JsonParser.Default.Parse<TracesData>(File.ReadAllText(GoldenFolder.PathOf("traces.json")));

    private static DedicatedColumns Columns()
    {
        DedicatedColumnSpec[] specs =
        [
            new(AttributeScope.Resource, "region", AttributeType.String, DedicatedColumnOptions.None),
            new(AttributeScope.Span, "db.statement", AttributeType.String, DedicatedColumnOptions.None),
        ];
        Assert.True(DedicatedColumns.TryCreate(specs, out var columns, out var error), error);
        return columns;
    }
}
