using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Host.Cli.Tool;
using Tempo.Query.Tests.Testing;
using Xunit;

namespace Tempo.Host.Tests.Cli;

/// <summary>The verbs over a folder with two blocks, one of each version that is written.</summary>
public sealed class ToolTests : IAsyncLifetime
{
    private const int TraceCount = 40;
    private readonly string _root = Directory.CreateTempSubdirectory("tempo-tool-").FullName;
    private readonly List<BlockMeta> _blocks = [];

    private string Blocks => Path.Combine(_root, "blocks");

    public async ValueTask InitializeAsync()
    {
        var store = new BlockStore(LocalObjectStore.Open(Blocks), Path.Combine(_root, "work"), new BlockStoreOptions());
        store.Sweep();
        foreach (var version in BlockVersion.All.Where(static version => version.CanWrite))
        {
            Assert.True(DedicatedColumns.TryCreate(
                [new DedicatedColumnSpec(AttributeScope.Span, "dedicated", AttributeType.String, DedicatedColumnOptions.None)],
                out var dedicated, out _));
            var block = new NewBlock
            {
                Tenant = TenantId.Single,
                Id = BlockId.Derive(1, (ulong)_blocks.Count),
                Layout = new BlockWriterOptions { Version = version, PageSpans = 10, RowGroupSpans = 50, DedicatedColumns = dedicated },
            };
            var segment = new LiveSegment(shardCount: 1, maxAttributeBytes: 2048);
            segment.Append(TenantId.Single, OtlpRequest.Of(Spans(_blocks.Count)));
            var views = new List<LiveBatchView>();
            segment.CollectBatches(TenantId.Single, views);
            _blocks.Add((await store.WriteAsync(
                block, writer => LiveTraces.ForEach(views, writer.Add), TestContext.Current.CancellationToken))!);
        }
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_root, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void List_shows_the_blocks_and_what_is_in_one()
    {
        var blocks = Run(0, "list blocks", "single-tenant");
        foreach (var block in _blocks) Assert.Matches($"{block.BlockId} +{block.Format} +0 +{TraceCount} ", blocks);
        Assert.Contains($"2 blocks, {TraceCount * 2} traces", blocks, StringComparison.Ordinal);
        var one = Run(0, "list block", "single-tenant", _blocks[0].BlockId.ToString());
        Assert.Matches("data.parquet +" + _blocks[0].SizeBytes.ToString("N0", System.Globalization.CultureInfo.InvariantCulture), one);
        Assert.Contains("dedicated: span dedicated in String01", one, StringComparison.Ordinal);
        Assert.Matches("checksums +yes", one);
    }

    [Fact]
    public void View_shows_traces_and_leaves()
    {
        var traces = Run(0, "view block", "--limit", "7", "single-tenant", _blocks[1].BlockId.ToString());
        Assert.Contains($"7 of {TraceCount} traces", traces, StringComparison.Ordinal);
        Assert.Matches("1 +2026-09-21T.* 1.000 +2 +root +shop", traces);
        var leaves = Run(0, "view schema", "single-tenant", _blocks[1].BlockId.ToString());
        Assert.Matches(@"rs\.list\.element\.ss\.list\.element\.Spans\.list\.element\.Attrs\.list\.element\.Key +ByteArray Required +4/4 +Zstd +\S*RleDictionary", leaves);
        Assert.Equal(104, leaves.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void Analyse_shows_where_bytes_are()
    {
        var text = Run(0, "analyse block", "--top=200", "single-tenant", _blocks[0].BlockId.ToString());
        Assert.Matches(@"rs\.ss\.Spans\.SpanID +[\d,]+ +[\d.]+ %", text);
        Assert.Matches(@"plain +span +80 +\d+ +[\d.]+ %", text);
        Assert.DoesNotContain("\ndedicated ", text.Split("\nattribute ")[1], StringComparison.Ordinal);
        Assert.Matches(@"dedicated +span +string +\d+ +has a column +named by", text);
        Assert.Contains("1 attributes with a column of their own", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Query_brings_a_trace_together_from_all_blocks()
    {
        var trace = Run(0, "query trace-id", "single-tenant", "1");
        using var json = System.Text.Json.JsonDocument.Parse(trace);
        var spans = json.RootElement.GetProperty("resourceSpans").EnumerateArray()
            .SelectMany(static r => r.GetProperty("scopeSpans").EnumerateArray())
            .SelectMany(static s => s.GetProperty("spans").EnumerateArray()).ToList();
        Assert.Equal(4, spans.Count);
        Assert.Contains("no trace 0000000000000000000000000000beef in 2 blocks", Run(1, "query trace-id", "single-tenant", "beef"),
            StringComparison.Ordinal);
        Assert.Contains("hex", Run(1, "query trace-id", "single-tenant", "xyz"), StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_finds_what_is_sound_sound_and_what_is_not_not()
    {
        Assert.Contains("2 blocks, 0 problems", Run(0, "verify", "single-tenant"), StringComparison.Ordinal);
        var data = Path.Combine(Blocks, "single-tenant", _blocks[0].BlockId.ToString(), "data.parquet");
        var bytes = File.ReadAllBytes(data);
        bytes[300] ^= 1;
        File.WriteAllBytes(data, bytes);
        var text = Run(1, "verify", "single-tenant");
        Assert.Matches($"{_blocks[0].BlockId}: [^0s]\\d* problems", text);
        Assert.Contains($"{_blocks[1].BlockId}: sound", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Convert_writes_the_same_traces_in_another_format()
    {
        var target = Path.Combine(_root, "converted");
        Assert.Matches("vParquet5 .* -> .* vParquet4 ",
            Run(0, "convert", "--out", target, "--format", "vParquet4", "single-tenant", _blocks[0].BlockId.ToString()));
        Assert.Contains("1 blocks, 0 problems", Run(0, target, "verify", "single-tenant"), StringComparison.Ordinal);
        Assert.Contains("--format: vParquet5 or vParquet4", Run(1, "convert", "--out", target, "--format", "vParquet3", "single-tenant"),
            StringComparison.Ordinal);
        Assert.Contains("--out", Run(1, "convert", "single-tenant"), StringComparison.Ordinal);
    }

    [Fact]
    public void Gen_makes_a_filter_and_an_index_anew()
    {
        var folder = Path.Combine(Blocks, "single-tenant", _blocks[0].BlockId.ToString());
        var before = Directory.GetFiles(folder).ToDictionary(static path => path, File.ReadAllBytes);
        File.Delete(Path.Combine(folder, "bloom-0"));
        File.WriteAllText(Path.Combine(folder, "index"), "{}");
        Run(1, "verify", "single-tenant");
        Run(0, "gen bloom", "single-tenant", _blocks[0].BlockId.ToString());
        Run(0, "gen index", "single-tenant", _blocks[0].BlockId.ToString());
        foreach (var (path, content) in before) Assert.Equal(content, File.ReadAllBytes(path));
        Run(0, "verify", "single-tenant");
    }

    [Fact]
    public void Wrong_command_lines_say_what_is_right()
    {
        Assert.Contains("unknown verb 'list things'", Run(2, "list things"), StringComparison.Ordinal);
        Assert.Contains("usage: tempo list block [--path <folder> | --config.file <file>] <tenant> <block>",
            Run(2, "list block", "single-tenant"), StringComparison.Ordinal);
        Assert.Contains("unknown option --limit", Run(2, "list blocks", "single-tenant", "--limit", "3"), StringComparison.Ordinal);
        Assert.Contains("not a UUID", Run(1, "list block", "single-tenant", "x"), StringComparison.Ordinal);
        Assert.Contains(
            "there is no such folder", Run(1, Path.Combine(_root, "nothing"), "list blocks", "single-tenant"), StringComparison.Ordinal);
        Assert.Contains("there is no such block", Run(1, "view block", "single-tenant", Guid.Empty.ToString()), StringComparison.Ordinal);
        Assert.Contains("tempo analyse block", Run(0, "help"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("list blocks", 1)]
    [InlineData("list block", 2)]
    [InlineData("view block", 2)]
    [InlineData("view schema", 2)]
    [InlineData("analyse block", 2)]
    [InlineData("query trace-id", 2)]
    [InlineData("verify", 2)]
    [InlineData("convert", 2)]
    [InlineData("gen bloom", 2)]
    [InlineData("gen index", 2)]
    public void One_name_too_many_is_a_wrong_command_line(string verb, int names)
    {
        string[] given = ["single-tenant", _blocks[0].BlockId.ToString()];
        var text = Run(2, verb, [.. given[..names], "extra"]);
        Assert.Contains("superfluous argument 'extra'", text, StringComparison.Ordinal);
        Assert.Contains($"usage: tempo {verb} ", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("list blocks")]
    [InlineData("query trace-id", "1")]
    [InlineData("verify")]
    [InlineData("convert", "--out", "/nowhere/written")]
    [InlineData("gen bloom")]
    [InlineData("gen index")]
    public void A_tenant_without_a_folder_is_an_error(string verb, params string[] others)
    {
        var text = Run(1, verb, ["nope", .. others.Select(other => other.Replace("/nowhere", _root, StringComparison.Ordinal))]);
        Assert.Contains($"tenant 'nope': there is no such folder in {Blocks}", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("blocks")]
    [InlineData("blocks/")]
    [InlineData("./nothing/../blocks/.")]
    [InlineData("link")]
    [InlineData("parent/blocks")]
    [InlineData("blocks/inside")]
    [InlineData("link/inside/further")]
    [InlineData("")]
    public void Convert_refuses_the_folder_of_the_blocks_and_what_is_in_or_around_it(string target)
    {
        Directory.CreateSymbolicLink(Path.Combine(_root, "parent"), _root);
        Directory.CreateSymbolicLink(Path.Combine(_root, "link"), Path.Combine(_root, "parent", "blocks"));
        var before = Directory.GetFileSystemEntries(Blocks, "*", SearchOption.AllDirectories).Order().ToList();
        foreach (var path in new[] { Blocks, Path.Combine(_root, "link") })
            Assert.Contains($"--out {_root}/{target}", Run(2, path, "convert", ["--out", $"{_root}/{target}", "single-tenant"]),
                StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFileSystemEntries(Blocks, "*", SearchOption.AllDirectories).Order());
        Run(0, "convert", "--out", $"{_root}/blocks-converted", "single-tenant");
    }

    private string Run(int exitCode, string verb, params string[] arguments) =>
        verb.StartsWith('/') ? Run(exitCode, verb, arguments[0], arguments[1..]) : Run(exitCode, Blocks, verb, arguments);

    private static string Run(int exitCode, string path, string verb, string[] arguments)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        string[] all = [.. verb.Split(' '), "--path", path, .. arguments];
        Assert.True(ToolProgram.IsVerb(all));
        var exit = ToolProgram.Run(all, output, errors);
        Assert.True(exit == exitCode, $"exit code {exit}: {output}{errors}");
        return output.ToString() + errors;
    }

    private static IEnumerable<TestSpan> Spans(int block)
    {
        var resource = new TestResource(new Attributes { { "service.name", "shop" } });
        for (var i = 1ul; i <= TraceCount; i++)
        {
            var id = new TraceId(0, i);
            var start = 1_790_000_000_000_000_000 + i * 1000;
            var attributes = new Attributes { { "plain", "value" }, { "dedicated", "column" } };
            yield return new TestSpan
            {
                TraceId = id,
                Id = (ulong)block * 10 + 1,
                Name = "root",
                StartUnixNano = start,
                DurationNano = 1_000_000,
                Resource = resource,
                Attributes = attributes
            };
            yield return new TestSpan
            {
                TraceId = id,
                Id = (ulong)block * 10 + 2,
                ParentId = (ulong)block * 10 + 1,
                Name = "child",
                StartUnixNano = start + 10,
                DurationNano = 10,
                Resource = resource,
                Attributes = attributes
            };
        }
    }
}
