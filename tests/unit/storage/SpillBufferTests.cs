using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Storage.Tests;

/// <summary>The same bytes come back, in memory and from the file, and nothing stays behind.</summary>
public sealed class SpillBufferTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => Assert.False(File.Exists(_path));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_was_written_is_read(int seed)
    {
        var random = new Random(seed);
        var expected = new MemoryStream();
        using var buffer = new SpillBuffer(seed == 1 ? null : _path, 64 << 10);
        for (var i = 0; i < 200; i++)
        {
            var bytes = new byte[random.Next(10) == 0 ? random.Next(200_000) : random.Next(3000)];
            random.NextBytes(bytes);
            buffer.Write(bytes);
            expected.Write(bytes);
        }

        Assert.Equal(expected.Length, buffer.Length);
        Assert.Equal(seed != 1, File.Exists(_path));
        var copy = new MemoryStream();
        buffer.CopyTo(copy);
        Assert.True(expected.ToArray().AsSpan().SequenceEqual(copy.ToArray()));
        for (var i = 0; i < 100; i++)
        {
            var offset = random.NextInt64(buffer.Length);
            var part = new byte[random.NextInt64(Math.Min(300_000, buffer.Length - offset))];
            buffer.Read(offset, part);
            Assert.True(expected.ToArray().AsSpan((int)offset, part.Length).SequenceEqual(part), $"{part.Length} bytes at {offset}");
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Read(buffer.Length - 1, new byte[2]));
    }

    [Fact]
    public void Ids_come_back_in_their_order_from_a_file_too()
    {
        const int Count = 200_001;
        using var ids = new TraceIdLog(_path);
        for (var i = 0; i < Count; i++) ids.Add(new TraceId((ulong)i, (ulong)i * 7));
        Assert.True(File.Exists(_path));
        Assert.Equal((Count, new TraceId(Count - 1, (Count - 1) * 7)), (ids.Count, ids.Last));
        for (var pass = 0; pass < 2; pass++)
        {
            ulong next = 0;
            ids.ForEach(some =>
            {
                for (var at = some.Span; !at.IsEmpty; at = at[TraceId.SizeBytes..], next++)
                    Assert.Equal(new TraceId(next, next * 7), TraceId.Read(at));
            });
            Assert.Equal((ulong)Count, next);
        }
    }
}
