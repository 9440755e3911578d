using System.Runtime.InteropServices;

namespace Tempo.Host.Startup;

/// <summary>
/// How malloc deals with large blocks. By default glibc raises its bound for blocks that get a mapping of their own to the size of
/// the largest one that was freed (up to 32 MiB), and what is smaller stays in the process: a few zstd frames with windows of
/// 8 MiB would leave them behind in every arena. With the bound fixed they go back to the system. And there are as many arenas as
/// processors: by default eight times as many, so that each thread of the pool that ever asked for memory has one, with what it left
/// behind.
/// </summary>
internal static partial class HeapPolicy
{
    private const int TrimThreshold = -1; // M_TRIM_THRESHOLD
    private const int MapThreshold = -3;  // M_MMAP_THRESHOLD
    private const int ArenaMax = -8;      // M_ARENA_MAX

    // Ordinary zstd frames stay below: a mapping for each request would cost more than it takes to decompress it.
    private const int MappedBytes = 1 << 20;
    private const int KeptBytes = 4 << 20;

    /// <summary>Once, at the start. Does nothing where malloc is another one.</summary>
    public static void Apply()
    {
        try
        {
            _ = SetOption(MapThreshold, MappedBytes);
            _ = SetOption(TrimThreshold, KeptBytes);
            _ = SetOption(ArenaMax, Math.Max(2, Environment.ProcessorCount));
        }
        catch (EntryPointNotFoundException)
        {
            // musl has no such options, and no such habit.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);
}
