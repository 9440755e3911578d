using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// Bytes of a block of ours that have changed on the disk: no wrong answer and no exception that nobody expects, whichever byte it
/// is; what is damaged is counted, and costs no more than itself.
/// </summary>
public sealed class IntegrityTests : IDisposable
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;
    private readonly ForeignStore _store = ForeignStore.Create();
    private readonly MetricRegistry _metrics = new();
    private readonly BlockHealth _health;

    public IntegrityTests() => _health = new BlockHealth(_metrics);

    public void Dispose() => _store.Dispose();

    /// <summary>
    /// Every byte of every object of a small block; without the sidecar, which takes their place, of filter and index again.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Every_flipped_byte_is_harmless_or_noticed(bool withSidecar)
    {
        var traces = JsonParser.Default.Parse<TracesData>(await File.ReadAllTextAsync(GoldenFolder.PathOf("traces.json"), Cancellation));
        var meta = await WriteAsync([traces.ToByteArray()], new BlockStoreOptions { BloomShardBytes = 64 });
        var folder = Path.Combine(_store.ObjectsPath, "single-tenant", meta.BlockId.ToString());
        if (!withSidecar) File.Delete(Path.Combine(folder, "tempo.sidecar"));
        var sound = await ReadAsync();
        Assert.True(sound.Answers.Length == 3 && !sound.IsPartial);
        var noticed = 0;
        var files = Directory.GetFiles(folder).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(
            withSidecar ? 5 : 4, files.Count(static path => !Path.GetFileName(path).StartsWith("bloom-1", StringComparison.Ordinal)));
        foreach (var path in files.Where(path => withSidecar || Path.GetFileName(path) is not ("data.parquet" or "meta.json")))
        {
            var bytes = await File.ReadAllBytesAsync(path, Cancellation);
            for (var i = 0; i < bytes.Length; i++)
            {
                var before = bytes[i];
                bytes[i] ^= (byte)(1 << (i % 8));
                await File.WriteAllBytesAsync(path, bytes, Cancellation);
                var (answers, isPartial) = await ReadAsync();
                noticed += isPartial ? 1 : 0;
                Assert.True(isPartial || answers.SequenceEqual(sound.Answers),
                    $"{Path.GetFileName(path)}, byte {i} of {bytes.Length}: {before:x2} to {bytes[i]:x2}: another answer, and no word");
                Assert.Empty(answers.Except(sound.Answers));
                bytes[i] = before;
            }

            await File.WriteAllBytesAsync(path, bytes, Cancellation);
        }

        Assert.True(noticed > 1000 || !withSidecar, $"only {noticed} were noticed");
        Assert.Equal(sound.Answers, (await ReadAsync()).Answers);
    }

    [Theory]
    [InlineData("data.parquet", -20, "footer", true)]
    [InlineData("data.parquet", 200, "page", true)]
    [InlineData("bloom-0", 3000, "bloom", false)]
    [InlineData("index", 20, "index", false)]
    [InlineData("meta.json", 100, "meta", true)]
    public async Task Damage_is_counted_and_a_partial_answer_only_where_spans_are_missing(
        string file, int place, string reason, bool isPartial)
    {
        var meta = await WriteAsync(traceCount: 30, requests: 30);
        var path = Path.Combine(_store.ObjectsPath, "single-tenant", meta.BlockId.ToString(), file);
        // Whatever takes the place of the filter of ids is not asked.
        File.Delete(Path.Combine(Path.GetDirectoryName(path)!, "tempo.sidecar"));
        var sound = await ReadAsync();
        var bytes = await File.ReadAllBytesAsync(path, Cancellation);
        bytes[place < 0 ? bytes.Length + place : place] ^= 0x10;
        await File.WriteAllBytesAsync(path, bytes, Cancellation);

        var damaged = await ReadAsync();
        Assert.Equal(isPartial, damaged.IsPartial);
        if (!isPartial) Assert.Equal(sound.Answers, damaged.Answers);
        Assert.Contains($"tempodb_block_errors_total{{reason=\"{reason}\"}}", MetricsText(), StringComparison.Ordinal);
        Assert.True(_health.IsDamaged(meta.BlockId));
    }

    [Fact]
    public async Task A_damaged_page_costs_its_row_group_and_no_other()
    {
        var meta = await WriteAsync(traceCount: 60, requests: 60);
        var path = Path.Combine(_store.ObjectsPath, "single-tenant", meta.BlockId.ToString(), "data.parquet");
        var sound = await ReadAsync();
        await using (var file = File.Open(path, FileMode.Open))
        {
            file.Position = 200;
            var before = file.ReadByte();
            file.Position = 200;
            file.WriteByte((byte)(before ^ 1));
        }

        var damaged = await ReadAsync();
        Assert.True(damaged.IsPartial);
        Assert.InRange(damaged.Answers.Length, sound.Answers.Length / 2, sound.Answers.Length - 1);
    }

    /// <summary>A block that was deleted since it was listed is not there: an answer without it is whole.</summary>
    [Fact]
    public async Task A_block_that_vanishes_is_no_damage_and_the_answer_says_that_it_is_missing()
    {
        var meta = await WriteAsync(traceCount: 5, requests: 5);
        var store = new BlockStore(_store.OpenObjects(), Path.Combine(_store.Root, "work"), new BlockStoreOptions(), _health);
        var sources = new TraceSources([], [new BlockHandle(meta, store)]);
        Directory.Delete(Path.Combine(_store.ObjectsPath, "single-tenant", meta.BlockId.ToString()), recursive: true);
        var result = await TraceSearch.RunAsync(new SearchRequest(), sources, Cancellation);
        Assert.Empty(result.Traces);
        Assert.Contains("was deleted", result.Message, StringComparison.Ordinal);
        Assert.False(_health.IsDamaged(meta.BlockId));
    }

    /// <summary>A disk or a service that fails for a while is counted, and says nothing about the block.</summary>
    [Fact]
    public void A_store_that_fails_does_not_condemn_the_block()
    {
        _health.Report(BlockId.Derive(1, 2), BlockDamage.Page, new IOException("it fails"));
        Assert.False(_health.IsDamaged(BlockId.Derive(1, 2)));
        Assert.Contains("tempodb_block_errors_total{reason=\"page\"} 1", MetricsText(), StringComparison.Ordinal);
        _health.Report(BlockId.Derive(1, 2), BlockDamage.Page, new ParquetFormatException("it is damaged"));
        Assert.True(_health.IsDamaged(BlockId.Derive(1, 2)));
    }

    private Task<BlockMeta> WriteAsync(int traceCount, int requests)
    {
        var random = new RandomRequests(3, traceCount);
        return WriteAsync(Enumerable.Range(0, requests).Select(_ => random.Next()));
    }

    private async Task<BlockMeta> WriteAsync(IEnumerable<byte[]> requests, BlockStoreOptions? options = null)
    {
        var batch = new LiveBatch();
        foreach (var request in requests) batch.Append(request, 64);
        var store = _store.Open(options);
        var block = new NewBlock
        {
            Tenant = TenantId.Single,
            Id = BlockId.Derive(1, 1),
            Layout = new BlockWriterOptions { PageSpans = 10, RowGroupSpans = 30 }
        };
        return (await store.WriteAsync(block, writer => LiveTraces.ForEach([Spans.View(batch)], writer.Add), Cancellation))!;
    }

    // Each trace by its id and by search, from a store that is opened anew, as after a start.
    private async Task<(string[] Answers, bool IsPartial)> ReadAsync()
    {
        var store = new BlockStore(_store.OpenObjects(), Path.Combine(_store.Root, "work"), new BlockStoreOptions(), _health);
        var listing = await store.ListAllAsync(Cancellation);
        var isPartial = listing.Unreadable.Count > 0;
        var answers = new List<string>();
        var handles = listing.Blocks.Select(meta => new BlockHandle(meta, store)).ToList();
        var sources = new TraceSources([], handles);
        var result =
            await TraceSearch.RunAsync(new SearchRequest { Query = "{}", Limit = 1000, SpansPerSpanSet = 1000 }, sources, Cancellation);
        isPartial |= result.Message.Length > 0;
        foreach (var trace in result.Traces.OrderBy(static trace => trace.TraceId))
        {
            using var buffer = new NativeBuffer();
            var found = await TraceFinder.FindAsync(sources, trace.TraceId, 0, 0, Cancellation);
            isPartial |= found.Damage.Length > 0;
            found.WritePart(buffer, int.MaxValue);
            if (buffer.Length > 0) answers.Add(string.Join('\n', TraceModel.Describe(buffer.Written)));
        }

        foreach (var handle in handles) handle.Close();
        return ([.. answers], isPartial);
    }

    private string MetricsText()
    {
        var text = new System.Buffers.ArrayBufferWriter<byte>();
        _metrics.WriteTo(text);
        return System.Text.Encoding.UTF8.GetString(text.WrittenSpan);
    }
}
