using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>How many descriptors this process may have: files, sockets, all together.</summary>
public static unsafe partial class FileLimit
{
    private const int Files = 7; // RLIMIT_NOFILE

    /// <summary>More than a node needs; programs that close every possible descriptor take minutes beyond.</summary>
    private const ulong Enough = 1 << 20;

    /// <summary>
    /// Blocks that may stay open from query to query: a quarter of what there is. Connections and the log, without which nothing
    /// goes on, have the rest.
    /// </summary>
    public static int OpenBlocks => (int)Math.Clamp(Read().Soft / 4, 16, int.MaxValue);

    /// <summary>
    /// Takes what the system allows: the limit of a shell is 1024 for the sake of programs with select, and this is none. The framework
    /// does so itself, but not in a native binary.
    /// </summary>
    public static void Raise()
    {
        var limit = Read();
        var wanted = Math.Min(limit.Hard, Enough);
        if (limit.Soft >= wanted) return;
        limit.Soft = wanted;
        _ = setrlimit(Files, &limit); // else it stays as it is, and is kept to
    }

    private static Limit Read()
    {
        Limit limit;
        return getrlimit(Files, &limit) == 0 ? limit : new Limit { Soft = 1024, Hard = 1024 };
    }

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, Limit* limit);

    [LibraryImport("libc")]
    private static partial int setrlimit(int resource, Limit* limit);

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
