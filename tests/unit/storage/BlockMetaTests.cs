using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

public sealed class BlockMetaTests
{
    /// <summary>Storage specification §2, as Tempo writes it.</summary>
    private const string Tempos =
        """{"format":"vParquet5","blockID":"4e44ed2f-54c9-4f9e-8c1f-1f3a4d5d4e11","tenantID":"single-tenant","startTime":"2026-08-21T10:00:03Z","endTime":"2026-08-21T10:05:10Z","totalObjects":4321,"size":12345678,"compactionLevel":0,"indexPageSize":0,"totalRecords":1,"bloomShards":1,"footerSize":23456,"dedicatedColumns":[{"s":"resource","n":"k8s.cluster.name"},{"n":"http.response.status_code","t":"int"},{"n":"url.path","o":["blob"]}],"replicationFactor":1}""";

    [Fact]
    public void Tempos_meta_is_read_and_written_back_byte_for_byte()
    {
        var meta = Parse(Tempos);
        Assert.Equal("vParquet5", meta.Format);
        Assert.Equal("4e44ed2f-54c9-4f9e-8c1f-1f3a4d5d4e11", meta.BlockId.ToString());
        Assert.Equal(TenantId.Single, meta.Tenant);
        Assert.Equal(new DateTimeOffset(2026, 8, 21, 10, 0, 3, TimeSpan.Zero).ToUnixTimeSeconds(), meta.StartSeconds);
        Assert.Equal(meta.StartSeconds + 307, meta.EndSeconds);
        Assert.Equal((4321, 12345678, 0, 1, 1, 23456, 1),
            (meta.TotalObjects, meta.SizeBytes, meta.CompactionLevel, meta.RowGroupCount, meta.BloomShardCount, meta.FooterSizeBytes,
                meta.ReplicationFactor));
        Assert.Equal(
            [
                new DedicatedColumnSpec(AttributeScope.Resource, "k8s.cluster.name", AttributeType.String, DedicatedColumnOptions.None),
                new DedicatedColumnSpec(AttributeScope.Span, "http.response.status_code", AttributeType.Int, DedicatedColumnOptions.None),
                new DedicatedColumnSpec(AttributeScope.Span, "url.path", AttributeType.String, DedicatedColumnOptions.Blob),
            ],
            meta.DedicatedColumns.Specs);
        // And behind it one key of ours, which Tempo passes over.
        Assert.Equal(Tempos[..^1] + ",\"crc32c\":\"ca2e54c9\"}", Encoding.UTF8.GetString(meta.ToJson()));
    }

    [Fact]
    public void A_changed_byte_of_ours_is_noticed()
    {
        var json = (Parse(Tempos) with
        {
            Stray = new StrayTimes(0, 1_800_000_000),
            Checksums = new BlockChecksums(1, 2, [3, 0xFFFFFFFF])
        }).ToJson();
        Assert.True(BlockMeta.TryParse(json, out var meta, out _));
        Assert.Equal(new BlockChecksums(1, 2, [3, 0xFFFFFFFF]), meta!.Checksums);
        Assert.Equal(new StrayTimes(0, 1_800_000_000), meta.Stray);
        var expected = Encoding.UTF8.GetString(meta.ToJson());
        for (var i = 0; i < json.Length; i++)
            for (var bit = 0; bit < 8; bit++)
            {
                json[i] ^= (byte)(1 << bit);
                Assert.True(!BlockMeta.TryParse(json, out var read, out _) || Encoding.UTF8.GetString(read!.ToJson()) == expected,
                    $"byte {i}, bit {bit}");
                json[i] ^= (byte)(1 << bit);
            }
    }

    [Fact]
    public void Fractions_of_seconds_and_offsets_widen_the_range()
    {
        var meta = Parse(Tempos.Replace("10:00:03Z", "12:00:03.9999999+02:00", StringComparison.Ordinal)
            .Replace("10:05:10Z", "10:05:10.000000100Z", StringComparison.Ordinal));
        var whole = Parse(Tempos);
        Assert.Equal((whole.StartSeconds, whole.EndSeconds + 1), (meta.StartSeconds, meta.EndSeconds));
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(0, 99, false)]
    [InlineData(0, 100, true)]
    [InlineData(200, 0, true)]
    [InlineData(201, 0, false)]
    [InlineData(120, 130, true)]
    public void Overlap_includes_both_ends_and_zero_is_no_bound(long start, long end, bool expected) =>
        Assert.Equal(expected, (Parse(Tempos) with { StartSeconds = 100, EndSeconds = 200 }).Overlaps(start, end));

    [Theory]
    [InlineData(99, 0, true)]
    [InlineData(201, 0, true)]
    [InlineData(0, 49, false)]
    [InlineData(0, 50, true)]
    [InlineData(61, 99, false)]
    [InlineData(55, 0, true)]
    public void Overlap_looks_at_strays_as_well(long start, long end, bool expected) =>
        Assert.Equal(expected, (Parse(Tempos) with
        {
            StartSeconds = 100,
            EndSeconds = 200,
            Stray = start == 201 ? new StrayTimes(0, 300) : new StrayTimes(50, 60)
        }).Overlaps(start, end));

    [Theory]
    [InlineData("", "meta.json")]
    [InlineData("[]", "not an object")]
    [InlineData("{}", "blockID")]
    [InlineData("""{"blockID":"4e44ed2f-54c9-4f9e-8c1f-1f3a4d5d4e11","tenantID":"a/b"}""", "unsupported character")]
    [InlineData("""{"blockID":"4e44ed2f-54c9-4f9e-8c1f-1f3a4d5d4e11","tenantID":"a"}""", "meta.json")]
    [InlineData("""{"blockID":"4e44ed2f-54c9-4f9e-8c1f-1f3a4d5d4e11","tenantID":"a","startTime":"99999-01-01T00:00:00Z"}""", "meta.json")]
    [InlineData("""{"blockID":"4e44ed2f-54c9-4f9e-8c1f-1f3a4d5d4e11","tenantID":"a","dedicatedColumns":[{"s":"trace","n":"x"}]}""", "'x'")]
    [InlineData("""{"blockID":"4e44ed2f-54c9-4f9e-8c1f-1f3a4d5d4e11","tenantID":"a","dedicatedColumns":[3]}""", "meta.json")]
    public void What_cannot_be_a_meta_is_refused_with_a_reason(string json, string reason)
    {
        Assert.False(BlockMeta.TryParse(Encoding.UTF8.GetBytes(json), out var meta, out var error));
        Assert.Null(meta);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"totalRecords\":1", "\"totalRecords\":9999999999")]
    [InlineData("\"bloomShards\":1", "\"bloomShards\":1.5")]
    [InlineData("\"footerSize\":23456", "\"footerSize\":-5")]
    [InlineData("\"size\":12345678", "\"size\":-1")]
    [InlineData("\"totalObjects\":4321", "\"totalObjects\":1e400")]
    [InlineData("2026-08-21T10:05:10Z", "9999-12-31T23:59:59.9Z")]
    [InlineData("\"n\":\"url.path\"", "\"n\":\"http.response.status_code\"")]
    public void Numbers_out_of_range_and_double_columns_are_refused(string sound, string damaged)
    {
        Assert.False(BlockMeta.TryParse(
            Encoding.UTF8.GetBytes(Tempos.Replace(sound, damaged, StringComparison.Ordinal)), out _, out var error));
        Assert.Contains("meta.json", error, StringComparison.Ordinal);
    }

    private static BlockMeta Parse(string json)
    {
        Assert.True(BlockMeta.TryParse(Encoding.UTF8.GetBytes(json), out var meta, out var error), error);
        return meta!;
    }
}
