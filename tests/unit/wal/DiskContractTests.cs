using Tempo.Engine.Foundation;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>One contract, kept by the real disk and by the simulated one.</summary>
public sealed unsafe class DiskContractTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-disk-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Disks => ["posix", "sim"];

    private IDisk Make(string kind) => kind == "posix" ? new PosixDisk(Path.Combine(_folder, "root", "below")) : new SimDisk();

    [Theory]
    [MemberData(nameof(Disks))]
    public void What_is_written_is_read_and_mapped(string kind)
    {
        var disk = Make(kind);
        Assert.Equal(DiskError.None, disk.TryCreateFolder("a/b"));
        Assert.Equal(DiskError.None, disk.TryAllocate("a/b/file", 10_000, out var file));
        Assert.Equal(10_000, file!.Length);

        // More slices than one call takes, an empty one among them.
        var bytes = new byte[2000];
        new Random(1).NextBytes(bytes);
        fixed (byte* p = bytes)
        {
            var slices = new IoSlice[1001];
            for (var i = 0; i < 1000; i++) slices[i < 500 ? i : i + 1] = new IoSlice(p + (2 * i), 2);
            slices[500] = new IoSlice(p, 0);
            Assert.Equal(DiskError.None, file.Write(slices, 5000));
        }

        Assert.Equal(DiskError.None, file.Sync());
        Assert.Equal(DiskError.None, disk.SyncFolder("a/b"));
        Assert.Equal(10_000, file.Length);

        var read = new byte[3000];
        Assert.Equal(DiskError.None, file.Read(5000, read, out var count));
        Assert.Equal(3000, count);
        Assert.True(read.AsSpan(0, 2000).SequenceEqual(bytes));
        Assert.True(read.AsSpan(2000).IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(DiskError.None, file.Read(9_999, read, out count));
        Assert.Equal(1, count);
        Assert.Equal(DiskError.None, file.Read(10_000, read, out count));
        Assert.Equal(0, count);
        file.Dispose();
    }

    [Theory]
    [MemberData(nameof(Disks))]
    public void Allocating_an_existing_file_keeps_its_content_and_never_shortens_it(string kind)
    {
        var disk = Make(kind);
        disk.TryCreateFolder("");
        Assert.Equal(DiskError.None, disk.TryAllocate("f", 100, out var file));
        byte seven = 7;
        Assert.Equal(DiskError.None, file!.Write([new IoSlice(&seven, 1)], 50));
        file.Dispose();
        foreach (var (size, expected) in new[] { (10, 100), (0, 100), (300, 300) })
        {
            Assert.Equal(DiskError.None, disk.TryAllocate("f", size, out file));
            Assert.Equal(expected, file!.Length);
            var one = new byte[1];
            Assert.Equal(DiskError.None, file.Read(50, one, out _));
            Assert.Equal(7, one[0]);
            file.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Disks))]
    public void Names_come_go_and_change(string kind)
    {
        var disk = Make(kind);
        disk.TryCreateFolder("d");
        Assert.Equal(DiskError.NotFound, disk.TryOpen("d/none", writable: false, out _));
        Assert.Equal(DiskError.NotFound, disk.TryRename("d/none", "d/other"));
        Assert.Equal(DiskError.None, disk.TryDelete("d/none"));
        Assert.Equal(DiskError.None, disk.TryList("nowhere", out var names));
        Assert.Empty(names);

        foreach (var (name, size) in new[] { ("d/b", 1), ("d/B", 2), ("d/a", 3) })
        {
            Assert.Equal(DiskError.None, disk.TryAllocate(name, size, out var file));
            file!.Dispose();
        }

        Assert.Equal(DiskError.None, disk.TryList("d", out names));
        Assert.Equal(["B", "a", "b"], names);

        Assert.Equal(DiskError.None, disk.TryRename("d/a", "d/b"));
        Assert.Equal(DiskError.None, disk.TryDelete("d/B"));
        Assert.Equal(DiskError.None, disk.TryList("d", out names));
        Assert.Equal(["b"], names);
        Assert.Equal(DiskError.None, disk.TryOpen("d/b", writable: true, out var replaced));
        Assert.Equal(3, replaced!.Length);
        replaced.Dispose();
    }

    [Theory]
    [MemberData(nameof(Disks))]
    public void A_new_file_is_new_and_a_second_name_is_free(string kind)
    {
        var disk = Make(kind);
        disk.TryCreateFolder("d");
        Assert.Equal(DiskError.None, disk.TryCreate("d/f", out var file));
        Assert.Equal(0, file!.Length);
        Assert.Equal(DiskError.None, file.Write("text"u8, 2));
        Assert.Equal(DiskError.None, file.Write([], 2));
        file.Dispose();
        Assert.Equal(DiskError.Exists, disk.TryCreate("d/f", out _));
        Assert.Equal(DiskError.Exists, disk.TryCreate("d", out _));

        Assert.Equal(DiskError.None, disk.TryLink("d/f", "d/g"));
        Assert.Equal(DiskError.Exists, disk.TryLink("d/f", "d/g"));
        Assert.Equal(DiskError.NotFound, disk.TryLink("d/none", "d/h"));
        Assert.Equal(DiskError.None, disk.TryDelete("d/f"));
        Assert.Equal(DiskError.None, disk.TryOpen("d/g", writable: false, out file));
        var read = new byte[10];
        Assert.Equal(DiskError.None, file!.Read(0, read, out var count));
        Assert.Equal("\0\0text"u8, read.AsSpan(0, count));
        file.Dispose();
    }

    [Theory]
    [MemberData(nameof(Disks))]
    public void Folders_are_listed_and_go_when_they_are_empty(string kind)
    {
        var disk = Make(kind);
        Assert.Equal(DiskError.None, disk.TryCreateFolder("a/b/c"));
        Assert.Equal(DiskError.None, disk.TryCreateFolder("a/b/c"));
        Assert.Equal(DiskError.None, disk.TryAllocate("a/f", 7, out var file));
        file!.Dispose();
        Assert.Equal(DiskError.NotFolder, disk.TryCreateFolder("a/f"));
        Assert.Equal(DiskError.IsFolder, disk.TryOpen("a/b", writable: false, out _));

        Assert.Equal(DiskError.None, disk.TryListEntries("a", withInfo: true, out var entries));
        Assert.Equal([("b", true, 0), ("f", false, 7)], entries.Select(static e => (e.Name, e.IsFolder, e.SizeBytes)).Order());
        Assert.Equal(DiskError.None, disk.TryListEntries("", withInfo: false, out entries));
        Assert.Equal(["a"], entries.Select(static e => e.Name));
        Assert.Equal(DiskError.NotFound, disk.TryListEntries("none", withInfo: false, out _));
        Assert.Equal(DiskError.NotFolder, disk.TryListEntries("a/f", withInfo: true, out _));

        Assert.Equal(DiskError.NotEmpty, disk.TryDeleteFolder("a/b"));
        Assert.Equal(DiskError.None, disk.TryDeleteFolder("a/b/c"));
        Assert.Equal(DiskError.None, disk.TryDeleteFolder("a/b"));
        Assert.Equal(DiskError.NotFound, disk.TryDeleteFolder("a/b"));
        Assert.Equal(DiskError.NotEmpty, disk.TryDeleteFolder("a"));
        Assert.Equal(DiskError.NotFolder, disk.TryDeleteFolder("a/f"));
        Assert.Equal(DiskError.None, disk.TryGetSpace("a", out var total, out var available));
        Assert.True(available > 0 && available <= total);
    }

    [Fact] // The runtime's own flush was seen to return normally here.
    public void A_device_that_cannot_sync_or_is_full_says_so()
    {
        Assert.Equal(DiskError.None, PosixDisk.FileSystem.TryOpen("/dev/null", writable: true, out var file));
        Assert.NotEqual(DiskError.None, file!.Sync());
        file.Dispose();
        Assert.Equal(DiskError.None, PosixDisk.FileSystem.TryOpen("/dev/full", writable: true, out file));
        Assert.Equal(DiskError.Full, file!.Write([1, 2, 3], 0));
        file!.Dispose();
        Assert.NotEqual(DiskError.None, PosixDisk.FileSystem.SyncFolder("/none/there"));
    }

    [Theory]
    [MemberData(nameof(Disks))]
    public void A_lock_is_held_by_one(string kind)
    {
        var disk = Make(kind);
        disk.TryCreateFolder("");
        Assert.Equal(DiskError.None, disk.TryLock("lock", out var hold));
        Assert.Equal(DiskError.Busy, disk.TryLock("lock", out _));
        hold!.Dispose();
        Assert.Equal(DiskError.None, disk.TryLock("lock", out hold));
        hold!.Dispose();
    }

    [Theory]
    [MemberData(nameof(Disks))]
    public void A_lock_is_on_the_file_and_not_on_its_name(string kind)
    {
        var disk = Make(kind);
        disk.TryCreateFolder("");
        Assert.Equal(DiskError.None, disk.TryCreate("f", out var file));
        Assert.Equal(DiskError.None, file!.TryLock());
        Assert.Equal(DiskError.Busy, disk.TryLock("f", out _));
        Assert.Equal(DiskError.None, disk.TryRename("f", "g"));
        Assert.Equal(DiskError.Busy, disk.TryLock("g", out _));
        Assert.Equal(DiskError.None, disk.TryLock("f", out var another));
        file.Dispose();
        Assert.Equal(DiskError.None, disk.TryLock("g", out var hold));
        another!.Dispose();
        hold!.Dispose();
    }

    [Fact]
    public void A_posix_disk_keeps_to_its_root_and_to_its_modes()
    {
        var disk = Make("posix");
        disk.TryCreateFolder("d");
        Assert.Equal(DiskError.None, disk.TryAllocate("d/f", 1, out var file));
        file!.Dispose();
        var root = Path.Combine(_folder, "root", "below");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(root, "d/f")));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(root, "d")));
        foreach (var path in new[] { "/etc/x", "../x", "d/../../x", "d//f", ".", "a\0b" })
            Assert.Throws<ArgumentException>(() => disk.TryDelete(path));
    }

    [Fact]
    public void A_posix_disk_answers_errors_as_errors()
    {
        var disk = Make("posix");
        disk.TryCreateFolder("");
        Assert.Equal(DiskError.None, disk.TryAllocate("f", 1, out var file));
        file!.Dispose();
        Assert.NotEqual(DiskError.None, disk.TryCreateFolder("f"));
        Assert.NotEqual(DiskError.None, disk.TryCreateFolder("f/below"));
        Assert.Equal(DiskError.NotFound, disk.TryAllocate("no/folder", 1, out _));

        // More than the file system can hold: an error, and nothing left behind.
        Assert.NotEqual(DiskError.None, disk.TryAllocate("huge", 1L << 50, out _));
        Assert.Equal(DiskError.NotFound, disk.TryOpen("huge", writable: false, out _));

        // fdatasync of a file opened for reading is allowed, a write is not: its error comes out.
        Assert.Equal(DiskError.None, disk.TryOpen("f", writable: false, out file));
        byte b = 1;
        Assert.Equal(DiskError.Failed, file!.Write([new IoSlice(&b, 1)], 0));
        file.Dispose();
    }
}
