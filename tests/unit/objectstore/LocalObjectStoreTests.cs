using Tempo.Engine.Foundation;
using Tempo.Testing;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>The contract over a temporary folder, and what only files can show.</summary>
public sealed class LocalObjectStoreTests : ObjectStoreContract, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-objectstore-").FullName;
    private readonly LocalObjectStore _store;

    public LocalObjectStoreTests()
    {
        Directory.CreateDirectory(Scratch);
        _store = LocalObjectStore.Open(Root);
    }

    protected override IObjectStore Store => _store;

    protected override string Scratch => Path.Combine(_folder, "scratch");

    private string Root => Path.Combine(_folder, "root", "made-at-open");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task KeysArePathsAsInTemposLocalBackend()
    {
        await Store.PutAsync(Key("tenant/block/meta.json"), Text("{}"));
        Assert.Equal("{}", await File.ReadAllTextAsync(Path.Combine(Root, "tenant", "block", "meta.json")));
        Assert.Equal(["meta.json"], FileNames("tenant/block"));
    }

    [Fact]
    public async Task APutUnderWayIsInvisibleAndSurvivesASweep()
    {
        var (mayGoOn, hasBegun) = (new TaskCompletionSource(), new TaskCompletionSource());
        var put = Store.PutAsync(Key("t/b/data"), new Gated(hasBegun, mayGoOn.Task), 3).AsTask();
        await hasBegun.Task;
        Assert.StartsWith(".put-", Assert.Single(FileNames("t/b")), StringComparison.Ordinal);
        Assert.Empty(await List(ObjectKey.Root, ListScope.Recursive));

        LocalObjectStore.Open(Root); // a second process, as far as the file's lock is concerned
        Assert.Single(FileNames("t/b"));

        mayGoOn.SetResult();
        await put;
        Assert.Equal(["data"], FileNames("t/b"));
    }

    /// <summary>Each adds its own lines to one object, as processes with a store of their own do; all lines are there in the end.</summary>
    [Fact]
    public async Task StoresOverOneFolderReplaceInTurn()
    {
        const int Writers = 4, Lines = 10;
        await Store.PutAsync(Key("t/list"), Text("begin\n"));
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            var store = LocalObjectStore.Open(Root);
            for (var line = 0; line < Lines;)
            {
                var old = (await store.TryGetAsync(Key("t/list"), int.MaxValue))!;
                if (await store.TryReplaceAsync(Key("t/list"), old, (byte[])[.. old, .. Text($"{writer}.{line}\n")])) line++;
            }
        })));
        var expected = Enumerable.Range(0, Writers).SelectMany(writer => Enumerable.Range(0, Lines).Select(line => $"{writer}.{line}"));
        Assert.Equal(expected.Order(), (await Read("t/list")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Order());
    }

    /// <summary>
    /// The file of a put has no lock yet when another process sweeps: what it puts is there in the end, and not an empty file in its name.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task APutWhoseFileIsSweptBeforeItIsLockedIsNotLost(bool isSweepOver)
    {
        IDisposable? held = null;
        var locks = 0;
        var disk = new FlakyDisk(PosixDisk.FileSystem, call =>
        {
            if (call.Operation != nameof(IDiskFile.TryLock) || locks++ > 0) return null;
            if (isSweepOver) LocalObjectStore.Open(Root);
            else Assert.Equal(DiskError.None, PosixDisk.FileSystem.TryLock(call.Path, out held)); // and it will remove it
            return null;
        });
        await LocalObjectStore.Open(disk, Root, sweep: false).PutAsync(Key("t/b/data"), Text("content"));
        held?.Dispose();
        Assert.Equal("content", await Read("t/b/data"));
        Assert.Equal(2, locks);
    }

    [Fact]
    public async Task WhatACrashLeftIsSweptAtOpenOnly()
    {
        await Store.PutAsync(Key("t/b/data"), Text("x"));
        var leftBehind = Path.Combine(Root, "t", "b", ".put-1-1");
        await File.WriteAllTextAsync(leftBehind, "half");
        Assert.Equal(["t/b/data"], await List(ObjectKey.Root, ListScope.Recursive));

        LocalObjectStore.Open(Root, sweep: false);
        Assert.True(File.Exists(leftBehind));
        LocalObjectStore.Open(Root);
        Assert.Equal(["data"], FileNames("t/b"));
    }

    [Fact]
    public async Task EmptyFoldersGoWithTheirLastObject()
    {
        await Store.PutAsync(Key("t/b1/data"), Text("x"));
        await Store.PutAsync(Key("t/b1/meta"), Text("x"));
        await Store.PutAsync(Key("t/b2/data"), Text("x"));

        await Store.DeleteAsync(Key("t/b1/data"));
        Assert.True(Directory.Exists(Path.Combine(Root, "t/b1")));
        await Store.DeleteAsync(Key("t/b1/meta"));
        Assert.False(Directory.Exists(Path.Combine(Root, "t/b1")));
        await Store.DeleteAsync(Key("t/b2/data"));
        Assert.Empty(Directory.GetFileSystemEntries(Root));
        Assert.True(Directory.Exists(Root));
    }

    [Fact] // A folder that is emptied while another thread is about to put into it.
    public async Task PutsAndDeletesInOneFolderDoNotDisturbEachOther()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                await Store.PutAsync(Key($"t/b/{worker}"), Text("x"));
                await Store.DeleteAsync(Key($"t/b/{worker}"));
            }
        })));
        Assert.Empty(Directory.GetFileSystemEntries(Root));
    }

    [Fact]
    public async Task AnOpenedObjectStaysReadableAsItWas()
    {
        await Store.PutAsync(Key("t/data"), Text("old content"));
        using var opened = Store.LocalObjects!.TryOpen(Key("t/data"))!;
        await Store.PutAsync(Key("t/data"), Text("new"));
        await Store.DeleteAsync(Key("t/data"));

        var buffer = new byte[20];
        Assert.Equal(11, opened.SizeBytes);
        Assert.Equal(7, opened.Read(4, buffer));
        Assert.Equal("content"u8, buffer.AsSpan(0, 7));
        Assert.Equal("old content", new StreamReader(opened.OpenStream()).ReadToEnd());
        Assert.Null(Store.LocalObjects!.TryOpen(Key("t/data")));
    }

    [Fact]
    public async Task AKeyThatIsAlsoAFolderIsAnErrorAndHarmsNothing()
    {
        await Store.PutAsync(Key("a"), Text("object"));
        var error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.PutAsync(Key("a/b"), Text("x")));
        Assert.Equal((ObjectStoreError.Failed, Key("a/b")), (error.Error, error.Key));

        await Store.PutAsync(Key("f/b"), Text("object"));
        error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.PutAsync(Key("f"), Text("x")));
        Assert.Equal(ObjectStoreError.Failed, error.Error);
        Assert.Equal(["a", "f/b"], await List(ObjectKey.Root, ListScope.Recursive));
        Assert.Equal(["a", "f"], FileNames(""));
    }

    [Fact]
    public async Task NamesThatAreNoKeysAreNotListed()
    {
        await Store.PutAsync(Key("a"), Text("x"));
        await File.WriteAllTextAsync(Path.Combine(Root, "back\\slash"), "x");
        await File.WriteAllTextAsync(Path.Combine(Root, "line\nbreak"), "x");
        Assert.Equal(["a"], await List(ObjectKey.Root, ListScope.Recursive));
    }

    [Fact]
    public async Task LinksInACircleEnd()
    {
        await Store.PutAsync(Key("t/a"), Text("x"));
        Directory.CreateSymbolicLink(Path.Combine(Root, "t", "loop"), Path.Combine(Root, "t"));
        var names = await List(ObjectKey.Root, ListScope.Recursive);
        Assert.Contains("t/a", names);
        Assert.All(names, name => Assert.EndsWith("/a", name, StringComparison.Ordinal));
        LocalObjectStore.Open(Root);
    }

    [Fact]
    public void ARootThatIsAFileIsAClearError()
    {
        var path = Path.Combine(_folder, "file");
        File.WriteAllText(path, "x");
        var error = Assert.Throws<ObjectStoreException>(() => LocalObjectStore.Open(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    private string[] FileNames(string folder) =>
        [.. Directory.GetFileSystemEntries(Path.Combine(Root, folder)).Select(path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal)];

    /// <summary>Says that it is being read and gives its bytes when it may.</summary>
    private sealed class Gated(TaskCompletionSource hasBegun, Task mayGoOn) : MemoryStream([1, 2, 3])
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
        {
            hasBegun.SetResult();
            await mayGoOn;
            return await base.ReadAsync(destination, cancellationToken);
        }
    }
}
