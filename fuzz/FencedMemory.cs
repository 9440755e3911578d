using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tempo.Fuzz;

/// <summary>
/// Memory for one input with an inaccessible page on either side, backed by a file.
/// <code>
/// address space    | fence |           data           | fence |
/// file     | header        |           data           |
///            length, start of the input within data
/// </code>
/// The input lies flush against one of the fences, so a read one byte beyond it ends the process there and then, even out
/// of native code. And since the pages are those of the file, the input survives the process: another one reads it with
/// <see cref="ReadInput"/>. Linux only.
/// </summary>
internal sealed unsafe partial class FencedMemory : IDisposable
{
    private const int ProtectionNone = 0;
    private const int ProtectionReadWrite = 1 | 2;
    private const int MapShared = 0x01;
    private const int MapPrivate = 0x02;
    private const int MapFixed = 0x10;
    private const int MapAnonymous = 0x20;
    private const nint MapFailed = -1;

    /// <summary>A multiple of every page size in use (4, 16 and 64 KiB), so it serves as the size of a fence everywhere.</summary>
    private const int FenceSizeBytes = 64 * 1024;
    private const int HeaderSizeBytes = FenceSizeBytes;

    private readonly SafeFileHandle _file;
    private readonly int _capacity;
    private readonly nint _region;
    private readonly nint _header;

    /// <param name="path">The file to create; it is left behind.</param>
    /// <param name="capacity">Longest input in bytes; rounded up to whole fences.</param>
    public FencedMemory(string path, int capacity)
    {
        _capacity = (capacity + FenceSizeBytes - 1) / FenceSizeBytes * FenceSizeBytes;
        _file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.SetLength(_file, HeaderSizeBytes + _capacity);
        var descriptor = (int)_file.DangerousGetHandle();
        _region = Check(Map(0, RegionSizeBytes, ProtectionNone, MapPrivate | MapAnonymous, -1, 0));
        Check(Map(_region + FenceSizeBytes, (nuint)_capacity, ProtectionReadWrite, MapShared | MapFixed, descriptor, HeaderSizeBytes));
        _header = Check(Map(0, HeaderSizeBytes, ProtectionReadWrite, MapShared, descriptor, 0));
    }

    private nuint RegionSizeBytes => (nuint)(_capacity + 2 * FenceSizeBytes);

    /// <summary>
    /// Copies <paramref name="input"/> against the fence behind (or before) and returns it there. Valid until the next call.
    /// </summary>
    public ReadOnlySpan<byte> Place(ReadOnlySpan<byte> input, bool atEnd)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(input.Length, _capacity);
        var start = atEnd ? _capacity - input.Length : 0;

        // Safe: both mappings live until Dispose, and start + length lies within the data pages.
        var header = (int*)_header;
        header[0] = input.Length;
        header[1] = start;
        var placed = new Span<byte>((byte*)_region + FenceSizeBytes + start, input.Length);
        input.CopyTo(placed);
        return placed;
    }

    /// <summary>The input placed last by whoever wrote the file.</summary>
    public static byte[] ReadInput(string path)
    {
        var file = File.ReadAllBytes(path);
        var length = BitConverter.ToInt32(file);
        var start = BitConverter.ToInt32(file, sizeof(int));
        return file.AsSpan(HeaderSizeBytes + start, length).ToArray();
    }

    /// <summary>Writes such a file, for a process that reads it.</summary>
    public static void WriteInput(string path, byte[] input)
    {
        var file = new byte[HeaderSizeBytes + input.Length];
        BitConverter.TryWriteBytes(file, input.Length);
        input.CopyTo(file, HeaderSizeBytes);
        File.WriteAllBytes(path, file);
    }

    public void Dispose()
    {
        _ = Unmap(_region, RegionSizeBytes);
        _ = Unmap(_header, HeaderSizeBytes);
        _file.Dispose();
    }

    private static nint Check(nint address) => address != MapFailed
        ? address
        : throw new InvalidOperationException($"mmap failed: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nuint length);
}
