using System.Runtime.InteropServices;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture;

/// <summary>A file system of its own for a server's data: small, or one whose power can be cut.</summary>
internal sealed partial class Mounts : IAsyncDisposable
{
    // _IOR('X', 125, __u32) of the kernel's ext4, and its mode that writes nothing more, not even the journal.
    private const nuint Ext4Shutdown = 0x8004587D;
    private const int NoLogFlush = 2;
    private readonly string _image;

    private Mounts(string folder)
    {
        Folder = folder;
        _image = folder + ".ext4";
    }

    public string Folder { get; }

    /// <summary>Skips the test where nothing may be mounted.</summary>
    public static void Need() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a file system needs root");

    /// <summary>Skips the test where no ext4 can be made either.</summary>
    public static void NeedExt4()
    {
        Need();
        Assert.SkipUnless(File.Exists("/sbin/mkfs.ext4"), "needs mkfs.ext4");
    }

    public static async Task<Mounts> Ext4Async(string folder, int megabytes)
    {
        var mount = new Mounts(folder);
        Directory.CreateDirectory(folder);
        await RunAsync("truncate", "-s", $"{megabytes}M", mount._image);
        await RunAsync("/sbin/mkfs.ext4", "-q", "-F", mount._image);
        await mount.MountAsync();
        return mount;
    }

    public static async Task<Mounts> TmpfsAsync(string folder, int megabytes)
    {
        Directory.CreateDirectory(folder);
        await RunAsync("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tempo-test", folder);
        return new Mounts(folder);
    }

    /// <summary>Takes every byte that is left, for a file of this name.</summary>
    public static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var piece = new byte[1 << 16];
        try
        {
            while (true) file.Write(piece);
        }
        catch (IOException)
        {
            // Full.
        }
    }

    public Task MountAsync() => RunAsync("mount", "-o", "loop", _image, Folder);

    /// <summary>Waits for what the kernel still does for a process that was killed.</summary>
    public Task UnmountAsync() =>
        Eventually.HoldsAsync($"{Folder} is unmounted",
            async () => (await ProgramRun.ToEndAsync("umount", [Folder], TimeSpan.FromSeconds(30))).ExitCode == 0);

    /// <summary>As if the machine lost its power: what no sync has brought to the disk is gone, and every call fails from now on.</summary>
    public void CutPower()
    {
        var folder = Open(Folder, 0);
        if (folder < 0) throw new InvalidOperationException($"open {Folder}: {Marshal.GetLastPInvokeErrorMessage()}");
        var mode = NoLogFlush;
        var result = Ioctl(folder, Ext4Shutdown, ref mode);
        var error = Marshal.GetLastPInvokeErrorMessage();
        _ = Close(folder);
        if (result != 0) throw new InvalidOperationException($"EXT4_IOC_SHUTDOWN: {error}");
    }

    public async ValueTask DisposeAsync()
    {
        await ProgramRun.ToEndAsync("umount", ["-l", Folder], TimeSpan.FromSeconds(30));
        File.Delete(_image);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        var run = await ProgramRun.ToEndAsync(program, arguments, TimeSpan.FromSeconds(30));
        Assert.True(run.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {run.Everything}");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(int file, nuint request, ref int argument);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int file);
}
