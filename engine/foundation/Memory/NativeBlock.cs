using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// One block of native memory that can change its size:
/// <code>
/// below 256 KiB   from malloc, 64-byte aligned; growing copies
/// from there on   a mapping of its own, page aligned; growing moves page tables and copies nothing, so that the old and the
///                 new block are never there at once, and freeing gives the memory back to the system at once
/// </code>
/// malloc would do for both, but it learns from large blocks that are freed to keep the next ones (glibc: up to 32 MiB each, in
/// every arena), and memory that a burst of large requests took would stay. Pages of a mapping are taken when they are first
/// touched, so room that is not used costs nothing.
/// </summary>
internal static unsafe partial class NativeBlock
{
    /// <summary>Blocks of this size and more are mappings.</summary>
    public const int MappedBytes = 256 * 1024;

    private const nuint Alignment = 64;
    private const int ReadWrite = 1 | 2;         // PROT_READ | PROT_WRITE
    private const int PrivateAnonymous = 2 | 32; // MAP_PRIVATE | MAP_ANONYMOUS
    private const int MayMove = 1;               // MREMAP_MAYMOVE

    /// <summary>The size to grow to: at least <paramref name="needed"/>, and as much more as makes growing rare.</summary>
    public static int Grown(int capacity, long needed)
    {
        // A mapping grows without a copy, so it need not be given twice of what it has.
        var step = IsMapped(capacity) ? Math.Max(capacity / 8, MappedBytes) : capacity;
        return (int)Math.Min(Math.Max(needed, (long)capacity + step), Array.MaxLength);
    }

    /// <summary>A block of the new size with the old one's content; the old pointer (null for none) is not valid any more.</summary>
    public static byte* Resize(byte* block, int capacity, int newCapacity)
    {
        if (!IsMapped(newCapacity)) return (byte*)NativeMemory.AlignedRealloc(block, (nuint)newCapacity, Alignment);
        if (IsMapped(capacity)) return Checked(Remap((nint)block, (nuint)capacity, (nuint)newCapacity, MayMove), newCapacity);
        var mapped = Checked(Map(0, (nuint)newCapacity, ReadWrite, PrivateAnonymous, -1, 0), newCapacity);
        if (block == null) return mapped;
        Buffer.MemoryCopy(block, mapped, newCapacity, capacity);
        NativeMemory.AlignedFree(block);
        return mapped;
    }

    public static void Free(byte* block, int capacity)
    {
        if (block == null) return;
        if (IsMapped(capacity)) _ = Unmap((nint)block, (nuint)capacity);
        else NativeMemory.AlignedFree(block);
    }

    private static bool IsMapped(int capacity) => capacity >= MappedBytes;

    private static byte* Checked(nint address, int bytes) =>
        address == -1
            ? throw new InsufficientMemoryException($"the system has no {bytes} bytes of memory (errno {Marshal.GetLastPInvokeError()})")
            : (byte*)address;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);

    // Variadic in C; its fifth argument is not passed, and the four before it go as those of any function.
    [LibraryImport("libc", EntryPoint = "mremap", SetLastError = true)]
    private static partial nint Remap(nint address, nuint length, nuint newLength, int flags);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
