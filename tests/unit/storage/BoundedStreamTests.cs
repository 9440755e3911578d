using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Storage.Tests;

/// <summary>What is read of another process ends where it may.</summary>
public sealed class BoundedStreamTests
{
    [Theory]
    [InlineData(99)]
    [InlineData(100)]
    public async Task Up_to_the_limit_and_at_it_all_is_read(int bytes)
    {
        using var target = new MemoryStream();
        await Open(bytes).CopyToAsync(target, TestContext.Current.CancellationToken);
        Assert.Equal(bytes, target.Length);
    }

    [Fact]
    public async Task One_byte_beyond_it_is_an_error()
    {
        using var target = new MemoryStream();
        var error =
            await Assert.ThrowsAsync<InvalidDataException>(() => Open(101).CopyToAsync(target, TestContext.Current.CancellationToken));
        Assert.Equal("more than 100", error.Message);
        Assert.InRange(target.Length, 0, 100);
    }

    [Fact]
    public void What_is_read_at_once_counts_as_what_is_awaited() =>
        Assert.Throws<InvalidDataException>(() => Open(101).ReadExactly(new byte[101]));

    [Fact]
    public void What_was_dealt_with_does_not_count()
    {
        using var stream = Open(200);
        stream.ReadExactly(new byte[100]);
        stream.Allow();
        stream.ReadExactly(new byte[100]);
        Assert.Equal(0, stream.Read(new byte[1]));
    }

    private static BoundedStream Open(int bytes) =>
        new(new MemoryStream(Encoding.ASCII.GetBytes(new string('x', bytes))), 100,
            static most => new InvalidDataException($"more than {most}"));
}
