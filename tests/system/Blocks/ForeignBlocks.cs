using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Blocks;

/// <summary>
/// Blocks by other writers, put into a folder as a Tempo leaves them: data.parquet and meta.json; <c>tempo gen</c> makes the rest.
/// </summary>
internal static class ForeignBlocks
{
    private const string Dedicated = """[{"s":"resource","n":"region"},{"n":"db.statement"}]""";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>A golden block of <c>tests/format/blocks</c>, three traces; its id.</summary>
    public static string AddGolden(string blocksFolder, string tenant, string file) =>
        Add(blocksFolder, tenant, file.Split('.', '-')[0], File.ReadAllBytes(Path.Combine(Repository.Root, "tests/format/blocks", file)),
            traces: 3);

    /// <summary>
    /// A vParquet4 block by arrow-rs, of one trace of that many spans with a text of half a megabyte each, all in one row.
    /// </summary>
    public static async Task<string> AddHugeRowAsync(string blocksFolder, string tenant, string workFolder, string traceId, int spans)
    {
        // The writers of the golden blocks, beside the libraries of the senders.
        var writers = Path.Combine(Repository.Root, "tests/format/writers");
        Directory.CreateDirectory(workFolder);
        foreach (var script in (string[])["write-arrow.mjs", "rows.mjs"])
            File.Copy(Path.Combine(writers, script), Path.Combine(workFolder, script));
        File.CreateSymbolicLink(Path.Combine(workFolder, "node_modules"), Path.Combine(Repository.Senders, "node_modules"));
        var traces = Path.Combine(workFolder, "traces.json");
        File.WriteAllText(traces, TraceOf(traceId, spans));
        var run = await ProgramRun.ToEndAsync("node", [Path.Combine(workFolder, "write-arrow.mjs"), traces, workFolder], Limit);
        Assert.True(run.ExitCode == 0, run.Everything);
        return Add(
            blocksFolder, tenant, "vParquet4", File.ReadAllBytes(Path.Combine(workFolder, "vParquet4.arrow-snappy-v1.parquet")), traces: 1);
    }

    private static string Add(string blocksFolder, string tenant, string format, byte[] data, int traces)
    {
        var id = Guid.NewGuid().ToString();
        var folder = Directory.CreateDirectory(Path.Combine(blocksFolder, tenant, id)).FullName;
        File.WriteAllBytes(Path.Combine(folder, "data.parquet"), data);
        // The footer's length stands before the last four bytes.
        var footer = BinaryPrimitives.ReadInt32LittleEndian(data.AsSpan(data.Length - 8));
        var now = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        File.WriteAllText(Path.Combine(folder, "meta.json"), $$"""
            {"format":"{{format}}","blockID":"{{id}}","tenantID":"{{tenant}}","startTime":"{{now}}","endTime":"{{now}}","totalObjects":{{traces}},"size":{{data.Length}},
            "compactionLevel":0,"indexPageSize":0,"totalRecords":1,"bloomShards":1,"footerSize":{{footer}},"dedicatedColumns":{{Dedicated}}}
            """);
        return id;
    }

    private static string TraceOf(string traceId, int spans)
    {
        var (random, start) = (new Random(1), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000);
        var text = new byte[375_000];
        var json = new StringBuilder();
        for (var i = 0; i < spans; i++)
        {
            random.NextBytes(text);
            var spanId = new byte[8];
            BinaryPrimitives.WriteInt64BigEndian(spanId, i + 1);
            json.Append(i == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $$"""
                {"traceId":"{{Convert.ToBase64String(Convert.FromHexString(traceId))}}","spanId":"{{Convert.ToBase64String(spanId)}}","name":"huge","kind":1,"startTimeUnixNano":"{{start}}",
                "endTimeUnixNano":"{{start + 1000}}","attributes":[{"key":"payload","value":{"stringValue":"{{Convert.ToBase64String(text)}}"} }]}
                """);
        }

        return JsonSerializer.Serialize(
            JsonDocument.Parse($$"""{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"scope":{"name":"s"},"spans":[{{json}}]}]}]}"""));
    }
}
