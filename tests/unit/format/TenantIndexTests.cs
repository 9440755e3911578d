using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// The tenant's index in both forms: what is written is read, what is damaged is noticed, and who lists a store may use it.
/// </summary>
public sealed class TenantIndexTests
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    private static readonly TenantIndex Index = new(
        new DateTimeOffset(2026, 11, 28, 10, 0, 1, TimeSpan.Zero).AddTicks(1234567),
        [Meta(1) with { DedicatedColumns = TestColumns.Some },
            Meta(2) with { Format = "vParquet4", CompactionLevel = 3, ReplicationFactor = 0 }],
        [new CompactedBlock(Meta(3), new DateTimeOffset(2026, 11, 28, 9, 0, 0, TimeSpan.Zero))]);

    [Fact]
    public void Both_forms_come_back()
    {
        Assert.True(TenantIndexProtobuf.TryRead(TenantIndexProtobuf.Write(Index), out var fromProtobuf, out var error), error);
        Assert.True(TenantIndexJson.TryRead(TenantIndexJson.Write(Index), out var fromJson, out error), error);
        Assert.Equal(Describe(Index), Describe(fromProtobuf!));
        Assert.Equal(Describe(Index), Describe(fromJson!));
    }

    /// <summary>The fields by their numbers, read by another implementation of protobuf.</summary>
    [Fact]
    public void The_protobuf_has_Tempos_field_numbers()
    {
        using var message = new NativeBuffer();
        Assert.Equal(DecompressStatus.Done, Zstd.Decompress(TenantIndexProtobuf.Write(Index), message, 1 << 20));
        var top = Fields(message.Written.ToArray());
        Assert.Equal([1, 2, 2, 3, 100], top.Select(static field => field.Number));
        var meta = Fields((byte[])top[1].Value);
        Assert.Equal([1, 2, 5, 6, 7, 8, 9, 13, 15, 16, 17, 18], meta.Select(static field => field.Number));
        Assert.Equal("vParquet5", Text(meta[0].Value));
        Assert.Equal(Index.Blocks[0].BlockId.Value, new Guid((byte[])meta[1].Value, bigEndian: true));
        Assert.Equal("single-tenant", Text(meta[2].Value));
        Assert.Equal((1, (object)1_790_000_000ul), Fields((byte[])meta[3].Value)[0]);
        Assert.StartsWith("""[{"s":"resource","n":"k8s.pod.name"},{"s":"resource","n":"a","t":"int"},{"n":"http.method"}""",
            Text(meta[10].Value), StringComparison.Ordinal);
        Assert.Equal([1, 2], Fields((byte[])top[3].Value).Select(static field => field.Number));
    }

    [Fact]
    public void Every_flipped_byte_is_noticed_or_harmless()
    {
        var expected = Describe(Index);
        foreach (var (bytes, isJson) in new[] { (TenantIndexProtobuf.Write(Index), false), (TenantIndexJson.Write(Index), true) })
            for (var i = 0; i < bytes.Length; i++)
                foreach (var mask in new byte[] { 1, 0x80, 0xFF })
                {
                    bytes[i] ^= mask;
                    var isRead = isJson
                        ? TenantIndexJson.TryRead(bytes, out var index, out var error)
                        : TenantIndexProtobuf.TryRead(bytes, out index, out error);
                    Assert.True(isRead ? Describe(index!) == expected : error.Length > 0,
                        $"byte {i} of {(isJson ? "json" : "protobuf")}, mask {mask:x2}");
                    bytes[i] ^= mask;
                }
    }

    [Theory]
    [InlineData("{\"created_at\":\"yesterday\"}")]
    [InlineData("[]")]
    [InlineData("{\"created_at\":\"2026-01-01T00:00:00Z\",\"meta\":[{}]}")]
    [InlineData("")]
    public void An_index_that_makes_no_sense_is_refused(string json)
    {
        using var stream = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(stream, System.IO.Compression.CompressionLevel.Fastest))
            gzip.Write(System.Text.Encoding.UTF8.GetBytes(json));
        Assert.False(TenantIndexJson.TryRead(stream.ToArray(), out _, out var error));
        Assert.StartsWith("index.json.gz", error, StringComparison.Ordinal);
    }

    /// <summary>
    /// With an index the metas that it knows are not read; blocks that came or went since it was made are right all the same.
    /// </summary>
    [Fact]
    public async Task A_listing_uses_the_index_and_is_right_where_the_index_is_old()
    {
        var foreign = Enumerable.Range(1, 4).Select(
            seed => ForeignBlock.Write(
                "vParquet4", ForeignTraces.Random("vParquet4", seed, 5, 5), DedicatedColumns.None, ForeignStyle.Tempo, seed, 7)).ToList();
        using var store = ForeignStore.Create(foreign);
        var objects = store.OpenObjects();
        var indexes = new TenantIndexObjects(objects);
        await indexes.WriteAsync(TenantId.Single,
            new TenantIndex(DateTimeOffset.UnixEpoch, [.. foreign.Take(3).Select(static block => block.Meta)], []), Cancellation);
        string MetaPath(int block) => Path.Combine(store.ObjectsPath, "single-tenant", foreign[block].Meta.BlockId.ToString(), "meta.json");
        // Known and damaged: not looked at. Known and gone: not there. Not known: read.
        await File.WriteAllTextAsync(MetaPath(0), "{", Cancellation);
        File.Delete(MetaPath(1));

        var byIndex = await store.Open().ListAsync(TenantIndexUse.Always, default, static _ => false, Cancellation);
        Assert.Equal([foreign[0].Meta.BlockId, foreign[2].Meta.BlockId, foreign[3].Meta.BlockId],
            byIndex.Blocks.Select(static meta => meta.BlockId).Order());
        Assert.Empty(byIndex.Unreadable);
        var one = await store.Open().ListAllAsync(Cancellation);
        Assert.Equal(foreign[0].Meta.BlockId, Assert.Single(one.Unreadable).Block);

        // Without the first form the second is read; a damaged one is passed over.
        var folder = Path.Combine(store.ObjectsPath, "single-tenant");
        File.Delete(Path.Combine(folder, "index.pb.zst"));
        Assert.Equal(3, (await store.Open().ListAsync(TenantIndexUse.Always, default, static _ => false, Cancellation)).Blocks.Count);
        await File.WriteAllTextAsync(Path.Combine(folder, "index.json.gz"), "no gzip", Cancellation);
        var damaged = await store.Open().ListAsync(TenantIndexUse.Always, default, static _ => false, Cancellation);
        Assert.Equal((2, 1, 1), (damaged.Blocks.Count, damaged.Unreadable.Count, damaged.Warnings.Count));
    }

    [Fact]
    public async Task A_compacted_block_is_listed_as_such()
    {
        var foreign =
            ForeignBlock.Write("vParquet5", ForeignTraces.Random("vParquet5", 1, 5, 5), DedicatedColumns.None, ForeignStyle.Tempo, 1, 7);
        using var store = ForeignStore.Create(foreign);
        var ours = (await store.Open().ListAsync(static damage => Assert.Fail(damage), Cancellation)).Single();
        var compacted = new CompactedBlocks(store.OpenObjects(), new SteadyClock(TimeProvider.System));
        await compacted.MarkAsync(TenantId.Single, ours.BlockId, Cancellation);
        Assert.Empty((await store.Open().ListAllAsync(Cancellation)).Blocks);
        var block = Assert.Single(await compacted.ListAsync(TenantId.Single, Cancellation));
        Assert.Equal((ours.BlockId, ours.Format), (block.Meta.BlockId, block.Meta.Format));
        Assert.InRange(DateTimeOffset.UtcNow - block.CompactedAt, TimeSpan.FromMinutes(-1), TimeSpan.FromMinutes(5));
    }

    private static string Describe(TenantIndex index) => string.Join('\n',
        [$"{index.CreatedAt:O}", .. index.Blocks.Select(Describe),
            .. index.Compacted.Select(static block => $"{Describe(block.Meta)} {block.CompactedAt:O}")]);

    private static string Describe(BlockMeta meta) => System.Text.Encoding.UTF8.GetString(meta.ToJson());

    private static List<(int Number, object Value)> Fields(byte[] message)
    {
        var fields = new List<(int, object)>();
        var input = new CodedInputStream(message);
        for (uint tag; (tag = input.ReadTag()) != 0;)
            fields.Add((WireFormat.GetTagFieldNumber(tag), WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.Varint => input.ReadUInt64(),
                WireFormat.WireType.Fixed32 => input.ReadFixed32(),
                _ => input.ReadBytes().ToByteArray(),
            }));
        return fields;
    }

    private static string Text(object bytes) => System.Text.Encoding.UTF8.GetString((byte[])bytes);

    private static BlockMeta Meta(ulong number) => new()
    {
        BlockId = BlockId.Derive(9, number),
        Tenant = TenantId.Single,
        StartSeconds = 1_790_000_000,
        Stray = number % 2 == 1 ? null : new StrayTimes(0, 4_000_000_000),
        EndSeconds = 1_790_000_300,
        TotalObjects = 1000 + (long)number,
        SizeBytes = 5_000_000_000,
        RowGroupCount = 3,
        BloomShardCount = 2,
        FooterSizeBytes = 23456,
    };
}
