using System.Runtime.InteropServices;

namespace Tempo.Host.Startup;

/// <summary>
/// Unmaps, once, the pages of the executable that starting has touched: what the runtime unpacks its data from, the code and tables of
/// reading the configuration and of opening everything. They stay in the system's page cache, and what is used again is mapped again by
/// a fault that reads nothing; the rest would count as resident for as long as the process lives.
/// </summary>
internal static partial class StartupPages
{
    private const int DontNeed = 4; // MADV_DONTNEED

    /// <summary>The number of bytes that were let go at most; 0 where the system has no such list of mappings.</summary>
    public static long GiveBack()
    {
        if (!OperatingSystem.IsLinux() || Environment.ProcessPath is not { } executable) return 0;
        try
        {
            var bytes = 0L;
            foreach (var (start, length) in Droppable(File.ReadLines("/proc/self/smaps"), executable))
                if (Advise(start, length, DontNeed) == 0)
                    bytes += (long)length;
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    /// <summary>
    /// Mappings of the file that cannot be written and hold no page of the process's own: what is dropped of them can be read from the file
    /// again. The linker's relocated tables are such that cannot be written any more, but are not what the file says.
    /// </summary>
    /// <param name="smaps">Lines of /proc/PID/smaps.</param>
    /// <param name="path">Of the file, as the list names it.</param>
    internal static List<(nuint Start, nuint Length)> Droppable(IEnumerable<string> smaps, string path)
    {
        var found = new List<(nuint, nuint)>();
        (nuint Start, nuint Length)? candidate = null;
        foreach (var line in smaps)
        {
            if (TryParseMapping(line, path, out var mapping)) candidate = mapping;
            else if (candidate is { } known && line.StartsWith("Anonymous:", StringComparison.Ordinal))
            {
                if (line.AsSpan("Anonymous:".Length).Trim().SequenceEqual("0 kB")) found.Add(known);
                candidate = null;
            }
        }

        return found;
    }

    // "55d0c0000000-55d0c1000000 r-xp 0003c000 fe:00 5316685                    /usr/bin/tempo"; null for a mapping that stays.
    private static bool TryParseMapping(string line, string path, out (nuint Start, nuint Length)? mapping)
    {
        mapping = null;
        var dash = line.IndexOf('-', StringComparison.Ordinal);
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        if (dash <= 0 || space < dash) return false;
        if (!nuint.TryParse(line.AsSpan(0, dash), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var start)) return false;
        if (!nuint.TryParse(
            line.AsSpan(dash + 1, space - dash - 1), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var end))
            return false;
        var isReadOnly = line.AsSpan(space + 1) is ['r', '-', _, 'p', ' ', ..];
        if (isReadOnly && end > start && line.EndsWith(" " + path, StringComparison.Ordinal)) mapping = (start, end - start);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint start, nuint length, int advice);
}
