using System.IO.Compression;
using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;
using Xunit;

namespace Tempo.Host.Tests.Receivers;

public class BodyDecompressorTests
{
    private const int Limit = 100_000;
    private static readonly byte[] Content = [.. Enumerable.Range(0, 5000).Select(i => (byte)(i * i >> 3))];

    private static byte[] Compress(string encoding, byte[] content)
    {
        using var compressed = new MemoryStream();
        switch (encoding)
        {
            case "gzip":
                using (var stream = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true)) stream.Write(content);
                break;
            case "zlib" or "deflate":
                using (var stream = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true)) stream.Write(content);
                break;
            case "zstd":
                var zstd = new byte[Zstd.MaxCompressedLength(content.Length)];
                return zstd[..Zstd.Compress(content, zstd, 1)];
            default:
                var snappy = new byte[Snappy.MaxCompressedLength(content.Length)];
                return snappy[..Snappy.Compress(content, snappy)];
        }

        return compressed.ToArray();
    }

    private static (BodyStatus Status, byte[] Content) Decompress(string encoding, byte[] body, int limit = Limit)
    {
        var memory = new RequestMemory(1 << 24);
        using var source = memory.Rent();
        using var target = memory.Rent();
        Assert.True(source.TryAppend(body));
        return (BodyDecompressor.Decompress(encoding, source, target, limit), target.Buffer.Written.ToArray());
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zlib")]
    [InlineData("deflate")]
    [InlineData("zstd")]
    [InlineData("snappy")]
    public void RoundTripAtTheLimitAndOneByteOver(string encoding)
    {
        var body = Compress(encoding, Content);
        var (status, content) = Decompress(encoding, body, Content.Length);
        Assert.Equal(BodyStatus.Complete, status);
        Assert.Equal(Content, content);
        Assert.Equal(BodyStatus.TooLarge, Decompress(encoding, body, Content.Length - 1).Status);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zlib")]
    [InlineData("zstd")]
    [InlineData("snappy")]
    public void ABodyThatIsCutAnywhereIsBad(string encoding)
    {
        var body = Compress(encoding, Content[..300]);
        for (var length = 1; length < body.Length; length++)
            Assert.Equal(BodyStatus.BadEncoding, Decompress(encoding, body[..length]).Status);
    }

    [Fact]
    public void ABombStopsAtTheLimit()
    {
        var (status, content) = Decompress("gzip", Compress("gzip", new byte[50_000_000]));
        Assert.Equal(BodyStatus.TooLarge, status);
        Assert.InRange(content.Length, 0, Limit + 64);
    }

    [Fact]
    public void GzipMembersFollowOneAnotherAndGarbageDoesNot()
    {
        byte[] two = [.. Compress("gzip", [1, 2]), .. Compress("gzip", [3])];
        Assert.Equal([1, 2, 3], Decompress("gzip", two).Content);
        Assert.Equal(BodyStatus.BadEncoding, Decompress("gzip", [.. two, 0]).Status);
        Assert.Equal(BodyStatus.BadEncoding, Decompress("gzip", Content).Status);
    }

    [Fact]
    public void AFlippedBitIsFound()
    {
        var body = Compress("gzip", Content[..200]);
        for (var i = 10; i < body.Length; i++)
        {
            var flipped = (byte[])body.Clone();
            flipped[i] ^= 0x10;
            var (status, content) = Decompress("gzip", flipped);
            Assert.True(status == BodyStatus.BadEncoding || content.AsSpan().SequenceEqual(Content.AsSpan(0, 200)), $"byte {i}: {status}");
        }
    }

    [Theory]
    [InlineData("br")]
    [InlineData("gzip, gzip")]
    public void OtherEncodingsAreUnknown(string encoding) => Assert.Equal(BodyStatus.UnknownEncoding, Decompress(encoding, [1]).Status);

    [Fact]
    public void MemoryIsAccountedAndGivenBack()
    {
        var memory = new RequestMemory(100_000);
        using (var body = memory.Rent())
        {
            Assert.True(body.TryAppend(new byte[50_000]));
            Assert.InRange(memory.InflightBytes, 50_000, 100_000);
            Assert.False(body.TryAppend(new byte[60_000]));
            Assert.Equal(50_000, body.Buffer.Length);
        }

        Assert.Equal(0, memory.InflightBytes);
    }

    /// <summary>
    /// A request that no emptiness of the account would help is told so, with the limit's name; one that others keep out is to try again.
    /// </summary>
    [Fact]
    public void WhatCanNeverBeAdmittedIsRefusedForGood()
    {
        const int account = 4 << 20;
        var memory = new RequestMemory(account);
        using var other = memory.Rent();
        Assert.True(other.TryAppend(new byte[2 << 20]));
        using var compressed = memory.Rent();
        Assert.True(compressed.TryAppend(new byte[1 << 20]));
        using var body = memory.RentBeside(compressed);
        Assert.False(body.TryAppend(new byte[2 << 20])); // 3 of 4 MiB, but beside the other
        Assert.Equal(RequestMemory.Overloaded, body.Refusal);
        Assert.True(body.TryAppend(new byte[100]));
        Assert.False(body.TryAppend(new byte[3 << 20]));
        Assert.Equal(
            (GrpcStatusCode.ResourceExhausted, true, TimeSpan.Zero), (body.Refusal.Code, body.Refusal.IsTooLarge, body.Refusal.RetryDelay));
        Assert.Contains($"{account} bytes that all requests together may have (distributor.max_inflight_bytes)", body.Refusal.Message,
            StringComparison.Ordinal);
        Assert.Equal(413, HttpBody.StatusOf(body.Refusal));
        Assert.False(body.TryAppend(new byte[5 << 20]));
        Assert.True(body.Refusal.IsTooLarge);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zlib")]
    [InlineData("zstd")]
    public void TheAccountIsAskedBeforeABufferGrows(string encoding)
    {
        const int account = 4 << 20;
        var memory = new RequestMemory(account);
        using var source = memory.Rent();
        using var target = memory.Rent();
        Assert.True(source.TryAppend(Compress(encoding, new byte[30_000_000])));
        Assert.Equal(BodyStatus.Overloaded, BodyDecompressor.Decompress(encoding, source, target, 64 << 20));
        Assert.InRange(target.Buffer.Capacity, 1 << 20, account);
        Assert.Equal(source.Buffer.Capacity + target.Buffer.Capacity, memory.InflightBytes);
    }

    [Fact]
    public async Task ALargeBodyWaitsForAPlaceAndHoldsNothingMeanwhile()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var memory = new RequestMemory(80 << 20); // room for one large body
        var content = new byte[20 << 20];
        Random.Shared.NextBytes(content.AsSpan(0, 1000));
        using var source = memory.Rent();
        using var target = memory.Rent();
        Assert.True(source.TryAppend(Compress("gzip", content)));
        await memory.LargeDecompressions.WaitAsync(cancellation);
        Assert.Equal(0, memory.LargeDecompressions.CurrentCount);

        var waiting = BodyDecompressor.DecompressAsync("gzip", source, target, 64 << 20, memory, cancellation).AsTask();
        Assert.False(waiting.IsCompleted);
        Assert.Equal(source.Buffer.Capacity, memory.InflightBytes);
        using (var small = memory.Rent())
        using (var smallSource = memory.Rent())
        {
            Assert.True(smallSource.TryAppend(Compress("gzip", Content)));
            Assert.Equal(
                BodyStatus.Complete, await BodyDecompressor.DecompressAsync("gzip", smallSource, small, 64 << 20, memory, cancellation));
        }

        memory.LargeDecompressions.Release();
        Assert.Equal(BodyStatus.Complete, await waiting);
        Assert.True(target.Buffer.Written.SequenceEqual(content));
        Assert.Equal(1, memory.LargeDecompressions.CurrentCount);
    }

    [Fact]
    public void ABufferKeepsItsContentWhileItGrowsFromTheHeapToAMappingAndOn()
    {
        var random = new Random(1);
        using var buffer = new NativeBuffer();
        var expected = new List<byte>();
        while (expected.Count < 3 << 20)
        {
            var piece = new byte[random.Next(1, 100_000)];
            random.NextBytes(piece);
            buffer.Append(piece);
            expected.AddRange(piece);
            Assert.True(buffer.Capacity <= Math.Max(2 * expected.Count, 256 << 10), $"{buffer.Capacity} bytes for {expected.Count}");
        }

        Assert.True(buffer.Written.SequenceEqual(expected.ToArray()));
        buffer.Free();
        Assert.Equal((0, 0), (buffer.Length, buffer.Capacity));
        buffer.Append([1, 2, 3]);
        Assert.Equal([1, 2, 3], buffer.Written.ToArray());
    }
}
