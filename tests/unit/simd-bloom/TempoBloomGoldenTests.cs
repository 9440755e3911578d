namespace Tempo.SimdBloom.Tests;

/// <summary>Bytes that Tempo itself wrote (fp 0.01, shards of 20 bytes, n = 50, ids 1 to 10), and sizes it computes.</summary>
public class TempoBloomGoldenTests
{
    private static readonly string[] GoldenShards =
    [
        "00000000000000a0000000000000000700000000000000a0" + "00000002001000000000020080000000000000000a000020",
        "00000000000000a0000000000000000700000000000000a0" + "6001a22ac2a4000418300048e000090000000000080a0800",
        "00000000000000a0000000000000000700000000000000a0" + "c0020804000201141000a0330a3020200000000000204032",
    ];

    [Theory]
    [MemberData(nameof(Kernels.Supported), MemberType = typeof(Kernels))]
    public void ShardObjectsAreByteExact(string kernel)
    {
        var layout = TempoBloomLayout.For(50, 0.01, 20);
        Assert.Equal((3, 160L, 7), (layout.ShardCount, layout.ShardBitCount, layout.HashCount));

        var builder = new TempoBloomBuilder(layout, Kernels.Named(kernel));
        builder.AddRange(TenIds());
        AssertGolden(builder);
    }

    [Fact]
    public void AddingIdByIdGivesTheSame()
    {
        var builder = new TempoBloomBuilder(TempoBloomLayout.For(50, 0.01, 20));
        var ids = TenIds();
        for (var i = 0; i < 10; i++) builder.Add(ids.AsSpan(i * 16, 16));
        AssertGolden(builder);
    }

    [Fact]
    public void FnvIsFnv1AndNot1a()
    {
        var id = Convert.FromHexString("0000000000000000ffa8d7161f6f9f01");
        const uint published = 0x122E0701;
        Assert.Equal((int)(published % 1000), TempoBloomLayout.ShardOf(id, 1000));
        Assert.Equal((int)(published % 10), TempoBloomLayout.ShardOf(id, 0)); // legacy blocks name no count
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1_000, 1)]
    [InlineData(100_000, 2)]
    [InlineData(1_000_000, 12)]
    [InlineData(long.MaxValue, 1000)]
    public void ShardCountsWithTheDefaults(long idCount, int shardCount)
    {
        var layout = TempoBloomLayout.For(idCount);
        Assert.Equal((shardCount, 7, 102_424), (layout.ShardCount, layout.HashCount, layout.ShardObjectSizeBytes));
    }

    [Theory]
    [InlineData(-1, 0.01, 100)]
    [InlineData(1, 0.0, 100)]
    [InlineData(1, 1.0, 100)]
    [InlineData(1, double.NaN, 100)]
    [InlineData(1, 0.01, 0)]
    [InlineData(1, 0.01, int.MaxValue)]
    public void ImpossibleLayoutsAreRefused(long idCount, double rate, int shardSizeBytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => TempoBloomLayout.For(idCount, rate, shardSizeBytes));

    private static byte[] TenIds()
    {
        var ids = new byte[10 * 16];
        for (var i = 0; i < 10; i++) ids[i * 16 + 15] = (byte)(i + 1);
        return ids;
    }

    private static void AssertGolden(TempoBloomBuilder builder)
    {
        for (var shard = 0; shard < GoldenShards.Length; shard++)
            Assert.Equal(GoldenShards[shard], Convert.ToHexStringLower(builder.ShardObject(shard).Span));
    }
}
