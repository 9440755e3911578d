using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Inspect;
using Row = System.Collections.Generic.Dictionary<string, object?>;

namespace Tempo.Format.Tests;

/// <summary>Blocks with one thing wrong in them: verification finds it and says what it is.</summary>
public sealed class VerifyTests
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    private static readonly ForeignTraces Traces =
        ForeignTraces.Random("vParquet5", seed: 2, traceCount: 12, requestCount: 30, isTame: true);

    public static TheoryData<string, string> Faults => new()
    {
        { "swap", "stands after" },
        { "start", "its row says" },
        { "left", "has the interval" },
        { "root", "is a root, and has the parent" },
        { "number", "shares a number" },
        { "meta rows", "totalObjects" },
        { "meta groups", "totalRecords" },
        { "meta size", "size is" },
        { "meta time", "outside the block's time" },
        { "bloom", "not in the bloom filter" },
        { "bloom gone", "bloom-0: missing" },
        { "index", "index: row group" },
        { "index text", "not an ascending list" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_fault_is_found(string fault, string said)
    {
        var (rows, meta) = (Rows(), Meta(0));
        var first = Spans(rows[0])[0];
        switch (fault)
        {
            case "swap": (rows[0], rows[1]) = (rows[1], rows[0]); break;
            case "start": rows[2]["StartTimeUnixNano"] = (ulong)rows[2]["StartTimeUnixNano"]! + 1; break;
            case "left": (first["NestedSetLeft"], first["NestedSetRight"], first["ParentID"]) = (7, 5, -1); break;
            case "root":
                (first["NestedSetLeft"], first["NestedSetRight"], first["ParentID"]) = (1, 2, 9);
                first["ParentSpanID"] = Array.Empty<byte>();
                break;
            case "number": rows[0]["rs"] = new List<Row> { Twice(rows[0]) }; break;
        }

        using var store = ForeignStore.Create();
        var folder = Path.Combine(store.ObjectsPath, "single-tenant", meta.BlockId.ToString());
        Write(folder, rows, ref meta);
        meta = fault switch
        {
            "meta rows" => meta with { TotalObjects = 1 },
            "meta groups" => meta with { RowGroupCount = 9 },
            "meta size" => meta with { SizeBytes = 9 },
            "meta time" => meta with { EndSeconds = meta.StartSeconds },
            _ => meta,
        };
        File.WriteAllBytes(Path.Combine(folder, "meta.json"), meta.ToJson());
        if (fault == "bloom") File.WriteAllBytes(Path.Combine(folder, "bloom-0"), EmptyBloom());
        if (fault == "bloom gone") File.Delete(Path.Combine(folder, "bloom-0"));
        if (fault == "index") File.WriteAllText(Path.Combine(folder, "index"), "{\"rowGroups\":[\"AAAAAAAAAAAAAAAAAAAAAA==\"]}");
        if (fault == "index text") File.WriteAllText(Path.Combine(folder, "index"), "{}");

        var report = await BlockVerifier.VerifyAsync(store.OpenObjects(), store.Open(), TenantId.Single, meta.BlockId, Cancellation);
        Assert.Contains(report.Problems, problem => problem.Contains(said, StringComparison.Ordinal));
    }

    private static List<Row> Rows() =>
        [.. Traces.Traces.Select(static trace => new ForeignRows("vParquet5", DedicatedColumns.None).Trace(trace.Id, trace.Trace))];

    private static List<Row> Spans(Row trace) => (List<Row>)((List<Row>)((List<Row>)trace["rs"]!)[0]["ss"]!)[0]["Spans"]!;

    // One resource with one span, and that span again with another id and the same interval.
    private static Row Twice(Row trace)
    {
        var resource = ((List<Row>)trace["rs"]!)[0];
        var scope = ((List<Row>)resource["ss"]!)[0];
        var one = new Row(((List<Row>)scope["Spans"]!)[0])
        {
            ["ParentSpanID"] = Array.Empty<byte>(),
            ["ParentID"] = -1,
            ["NestedSetLeft"] = 1,
            ["NestedSetRight"] = 2
        };
        var other = new Row(one) { ["SpanID"] = new byte[] { 9, 9, 9, 9, 9, 9, 9, 9 } };
        return new Row(resource) { ["ss"] = new List<Row> { new(scope) { ["Spans"] = new List<Row> { one, other }, ["SpanCount"] = 2 } } };
    }

    private static BlockMeta Meta(int size) => new()
    {
        BlockId = BlockId.Derive(3, 3),
        Tenant = TenantId.Single,
        StartSeconds = 1_700_000_000,
        EndSeconds = 1_900_000_000,
        TotalObjects = Traces.Traces.Count,
        SizeBytes = size,
        RowGroupCount = 1,
        BloomShardCount = 1,
        FooterSizeBytes = 0,
    };

    private static void Write(string folder, List<Row> rows, ref BlockMeta meta)
    {
        Directory.CreateDirectory(folder);
        var (data, footerSizeBytes) = new ForeignFile(
            SchemaListing.Load("vParquet5", DedicatedColumns.None), ForeignStyle.DeltaNone, new Random(1)).Write(rows, rowsPerGroup: 100);
        File.WriteAllBytes(Path.Combine(folder, "data.parquet"), data);
        meta = meta with { SizeBytes = data.Length, FooterSizeBytes = footerSizeBytes };
        var bloom = new SimdBloom.TempoBloomBuilder(SimdBloom.TempoBloomLayout.For(100, 0.01, 1024));
        foreach (var (id, _) in Traces.Traces) bloom.Add(id.Span);
        File.WriteAllBytes(Path.Combine(folder, "bloom-0"), bloom.ShardObject(0).ToArray());
        File.WriteAllText(Path.Combine(folder, "index"), $"{{\"rowGroups\":[\"{Traces.Traces[^1].Id.ToBase64()}\"]}}");
    }

    private static byte[] EmptyBloom() =>
        new SimdBloom.TempoBloomBuilder(SimdBloom.TempoBloomLayout.For(100, 0.01, 1024)).ShardObject(0).ToArray();
}
