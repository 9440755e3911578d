using System.Runtime.InteropServices;
using System.Text;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>What every <see cref="IObjectStore"/> does. One class per implementation derives from it.</summary>
public abstract class ObjectStoreContract
{
    private const int Chunk = CachedObjectReader.ChunkBytes;

    protected abstract IObjectStore Store { get; }

    /// <summary>A folder of this machine for files that are handed over.</summary>
    protected abstract string Scratch { get; }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_000_003)]
    public async Task WhatWasPutIsGot(int sizeBytes)
    {
        var content = RandomBytes(sizeBytes);
        await Store.PutAsync(Key("t/b/data"), content);
        Assert.Equal(content, await Store.TryGetAsync(Key("t/b/data"), sizeBytes));
        Assert.Equal(sizeBytes, (await Store.TryGetInfoAsync(Key("t/b/data")))!.Value.SizeBytes);
    }

    [Fact]
    public async Task APutReplaces()
    {
        await Store.PutAsync(Key("a"), RandomBytes(1000));
        await Store.PutAsync(Key("a"), Text("short"));
        Assert.Equal("short", await Read("a"));
    }

    [Fact]
    public async Task AStreamIsReadForExactlyItsLength()
    {
        var content = RandomBytes(700_000);
        await Store.PutAsync(Key("a/s"), new Trickle(content), 600_000);
        Assert.Equal(content[..600_000], await Store.TryGetAsync(Key("a/s"), int.MaxValue));
    }

    [Fact]
    public async Task AStreamThatEndsEarlyStoresNothing()
    {
        await Store.PutAsync(Key("a/s"), Text("old"));
        var error = await Assert.ThrowsAsync<ObjectStoreException>(
            async () => await Store.PutAsync(Key("a/s"), new MemoryStream(new byte[99]), 100));
        Assert.Equal((ObjectStoreError.Failed, Key("a/s")), (error.Error, error.Key));
        Assert.Equal("old", await Read("a/s"));
        Assert.Equal(["a/s"], await List(ObjectKey.Root, ListScope.Recursive));
    }

    [Fact]
    public async Task AFileIsHandedOver()
    {
        var path = Path.Combine(Scratch, "finished-block");
        await File.WriteAllTextAsync(path, "block");
        await Store.PutAsync(Key("t/b/data"), Text("old"));
        await Store.PutFileAsync(Key("t/b/data"), path);
        Assert.Equal("block", await Read("t/b/data"));
        Assert.False(File.Exists(path));

        var error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.PutFileAsync(Key("t/b/data"), path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Equal("block", await Read("t/b/data"));
    }

    [Fact]
    public async Task PutIfAbsentDoesNotReplace()
    {
        Assert.True(await Store.TryPutIfAbsentAsync(Key("lock"), Text("first")));
        Assert.False(await Store.TryPutIfAbsentAsync(Key("lock"), Text("second")));
        Assert.Equal("first", await Read("lock"));
        await Store.DeleteAsync(Key("lock"));
        Assert.True(await Store.TryPutIfAbsentAsync(Key("lock"), Text("third")));
    }

    [Fact]
    public async Task OfManyPutsIfAbsentOneWins()
    {
        for (var round = 0; round < 20; round++)
        {
            var key = Key($"race/{round}");
            using var start = new Barrier(4);
            var winners = await Task.WhenAll(Enumerable.Range(0, 4).Select(contender => Task.Run(async () =>
            {
                start.SignalAndWait();
                return await Store.TryPutIfAbsentAsync(key, Text($"{contender}")) ? contender : -1;
            })));
            var winner = Assert.Single(winners, contender => contender >= 0);
            Assert.Equal($"{winner}", await Read(key.ToString()));
        }
    }

    [Fact]
    public async Task AnObjectIsReplacedOnlyIfItIsWhatIsExpected()
    {
        Assert.False(await Store.TryReplaceAsync(Key("t/list"), Text("first"), Text("second")));
        Assert.Null(await Store.TryGetAsync(Key("t/list"), 100));
        await Store.PutAsync(Key("t/list"), Text("first"));
        foreach (var other in (string[])["First", "firs", "first1", "something else"])
            Assert.False(await Store.TryReplaceAsync(Key("t/list"), Text(other), Text("second")));
        Assert.Equal("first", await Read("t/list"));
        Assert.True(await Store.TryReplaceAsync(Key("t/list"), Text("first"), Text("second")));
        Assert.False(await Store.TryReplaceAsync(Key("t/list"), Text("first"), Text("third")));
        Assert.Equal("second", await Read("t/list"));
        Assert.Equal(["t/list"], await List(ObjectKey.Root, ListScope.Recursive));
        await Store.DeleteAsync(Key("t/list"));
        Assert.False(await Store.TryReplaceAsync(Key("t/list"), Text("second"), Text("third")));
        Assert.Empty(await List(ObjectKey.Root, ListScope.Recursive));
    }

    [Fact]
    public async Task OfManyReplacementsOneWins()
    {
        for (var round = 0; round < 20; round++)
        {
            var key = Key($"race/{round}");
            await Store.PutAsync(key, Text("start"));
            using var start = new Barrier(4);
            var winners = await Task.WhenAll(Enumerable.Range(0, 4).Select(contender => Task.Run(async () =>
            {
                start.SignalAndWait();
                return await Store.TryReplaceAsync(key, Text("start"), Text($"{contender}")) ? contender : -1;
            })));
            var winner = Assert.Single(winners, contender => contender >= 0);
            Assert.Equal($"{winner}", await Read(key.ToString()));
        }
    }

    [Fact]
    public async Task AReaderSeesTheOldObjectOrTheNewNeverAMixture()
    {
        var (old, young) = (Enumerable.Repeat((byte)1, 50_000).ToArray(), Enumerable.Repeat((byte)2, 70_000).ToArray());
        await Store.PutAsync(Key("t/x"), old);
        var writer = Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++) await Store.PutAsync(Key("t/x"), i % 2 == 0 ? young : old);
        });
        while (!writer.IsCompleted)
        {
            var seen = await Store.TryGetAsync(Key("t/x"), int.MaxValue);
            Assert.NotNull(seen);
            Assert.Equal(seen[0] == 1 ? old : young, seen);
        }

        await writer;
    }

    [Fact]
    public async Task AbsentObjectsAreAnAnswer()
    {
        await Store.PutAsync(Key("t/b/meta"), Text("x"));
        foreach (var name in (string[])["none", "t/none", "t/b/meta/none", "t/b", "t"]) // the last two are folders
        {
            Assert.Null(await Store.TryGetAsync(Key(name), 100));
            Assert.Null(await Store.TryGetInfoAsync(Key(name)));
            await Store.DeleteAsync(Key(name));
            var error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.GetRangeAsync(Key(name), 0, new byte[1]));
            Assert.Equal(ObjectStoreError.NotFound, error.Error);
            error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.GetChunksAsync(Key(name), 0, 1));
            Assert.Equal(ObjectStoreError.NotFound, error.Error);
        }

        Assert.Equal("x", await Read("t/b/meta"));
    }

    [Fact]
    public async Task AnObjectPastTheLimitIsNotRead()
    {
        await Store.PutAsync(Key("a"), RandomBytes(101));
        var error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.TryGetAsync(Key("a"), 100));
        Assert.Equal(ObjectStoreError.TooLarge, error.Error);
    }

    [Theory]
    [InlineData(0, 10, 10)]
    [InlineData(90, 10, 10)]
    [InlineData(95, 10, 5)]
    [InlineData(100, 10, 0)]
    [InlineData(1_000_000_000_000, 10, 0)]
    [InlineData(5, 0, 0)]
    public async Task ARangeIsCutAtTheEnd(long offset, int count, int expected)
    {
        var content = RandomBytes(100);
        await Store.PutAsync(Key("a"), content);
        var buffer = Enumerable.Repeat((byte)0xEE, count + 1).ToArray();
        Assert.Equal(expected, await Store.GetRangeAsync(Key("a"), offset, buffer.AsMemory(0, count)));
        Assert.Equal(content.AsSpan((int)Math.Min(offset, 100), expected), buffer.AsSpan(0, expected));
        Assert.Equal(0xEE, buffer[count]);
    }

    [Theory]
    [InlineData(0, 3 * Chunk + 100, 3 * Chunk + 100)]
    [InlineData(Chunk, 2 * Chunk, 2 * Chunk)]
    [InlineData(2 * Chunk, 100, 100)]
    [InlineData(17, Chunk + 1, Chunk + 1)]
    [InlineData(2 * Chunk, 3 * Chunk, Chunk + 100)] // ends in the second of three
    [InlineData(3 * Chunk + 100, Chunk, 0)]
    [InlineData(10 * Chunk, Chunk, 0)]
    public async Task ChunksAreWhatLiesThereEachInAnArrayOfItsOwn(int offset, int count, int expected)
    {
        var content = RandomBytes(3 * Chunk + 100);
        await Store.PutAsync(Key("a"), content);
        var chunks = await Store.GetChunksAsync(Key("a"), offset, count);
        Assert.Equal(content.AsSpan(Math.Min(offset, content.Length), expected).ToArray(),
            chunks.SelectMany(static chunk => chunk.ToArray()).ToArray());
        Assert.All(chunks.Take(chunks.Count - 1), static chunk => Assert.Equal(Chunk, chunk.Length));
        Assert.All(chunks, chunk =>
            Assert.True(MemoryMarshal.TryGetArray(chunk, out var array) && array is { Offset: 0, Array.Length: <= Chunk }));
        Assert.Equal(chunks.Count, chunks.Select(static chunk => MemoryMarshal.TryGetArray(chunk, out var array) ? array.Array : null)
            .Distinct().Count());
    }

    [Fact]
    public async Task ListsAreInKeyOrderAndStayInTheirFolder()
    {
        // '-' sorts before '/', '0' after it: names and folders interleave.
        foreach (var name in (string[])["t/b/x", "t/b/c/y", "t/b-1", "t/b0", "t/a", "t2/z", "index"])
            await Store.PutAsync(Key(name), Text(name));

        Assert.Equal(["index", "t/", "t2/"], await List(ObjectKey.Root, ListScope.Children));
        Assert.Equal(["t/a", "t/b-1", "t/b/", "t/b0"], await List(Key("t"), ListScope.Children));
        Assert.Equal(["t/a", "t/b-1", "t/b/c/y", "t/b/x", "t/b0"], await List(Key("t"), ListScope.Recursive));
        Assert.Equal(["index", "t/a", "t/b-1", "t/b/c/y", "t/b/x", "t/b0", "t2/z"], await List(ObjectKey.Root, ListScope.Recursive));
        Assert.Empty(await List(Key("none"), ListScope.Recursive));
        Assert.Empty(await List(Key("index"), ListScope.Children));
    }

    [Fact]
    public async Task ListsTellSizeAndTime()
    {
        await Store.PutAsync(Key("t/a"), RandomBytes(123));
        await foreach (var entry in Store.ListAsync(Key("t"), ListScope.Children))
        {
            Assert.Equal((await Store.TryGetInfoAsync(entry.Key))!.Value with { Version = "" }, entry.Info); // listings say no versions
            Assert.Equal(123, entry.Info!.Value.SizeBytes);
            Assert.True(entry.Info.Value.LastModified.Year > 2000);
        }
    }

    [Fact]
    public async Task ACancelledCallDoesNothing()
    {
        var cancelled = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.PutAsync(Key("a"), Text("x"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Store.TryPutIfAbsentAsync(Key("a"), Text("x"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Store.TryReplaceAsync(Key("a"), Text("x"), Text("y"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Store.PutAsync(Key("a"), new MemoryStream(new byte[5]), 5, cancelled));
        Assert.Empty(await List(ObjectKey.Root, ListScope.Recursive));
    }

    protected static ObjectKey Key(string name) => ObjectKey.Parse(name);

    protected static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    protected async Task<string> Read(string name) => Encoding.UTF8.GetString((await Store.TryGetAsync(Key(name), int.MaxValue))!);

    protected async Task<string[]> List(ObjectKey folder, ListScope scope)
    {
        var names = new List<string>();
        await foreach (var entry in Store.ListAsync(folder, scope)) names.Add(entry.IsFolder ? $"{entry.Key}/" : entry.Key.ToString());
        return [.. names];
    }

    private static byte[] RandomBytes(int sizeBytes)
    {
        var bytes = new byte[sizeBytes];
        new Random(sizeBytes).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Gives less than it is asked for.</summary>
    private sealed class Trickle(byte[] content) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default) =>
            base.ReadAsync(destination[..Math.Min(destination.Length, 12_345)], cancellationToken);
    }
}
