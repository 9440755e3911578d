using System.Globalization;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Tempo.Perf.Instructions;

/// <summary>
/// Where a piece of work is counted. callgrind begins a count at each entry of <see cref="Once"/> and writes it down at its end, so that
/// neither the start of the process nor the making of data is in it; to the standard output goes, in the same order, what it was.
/// </summary>
internal static class CountedWork
{
    /// <summary>For callgrind: <see cref="Once"/> as the native compiler names it.</summary>
    public const string Symbol = "*CountedWork__Once";

    /// <summary>More than any piece allocates.</summary>
    private const long RoomBytes = 256 << 20;

    private static int s_done;

    /// <summary>Counts the work after it was done twice, so that all memory has its size.</summary>
    /// <param name="unit">What a figure is of: "a span".</param>
    /// <param name="units">How many of them the work is about.</param>
    /// <param name="name">Of the work.</param>
    /// <param name="work">Does the same each time.</param>
    public static void Count(string unit, long units, string name, Action work)
    {
        work();
        work();
        CountFirst(unit, units, name, work);
    }

    /// <summary>Counts work that somebody else has made ready, at once.</summary>
    public static void CountFirst(string unit, long units, string name, Action work)
    {
        // The collector would be counted, and when it runs depends on all that was done before. So it runs now.
        if (!GC.TryStartNoGCRegion(RoomBytes)) throw new InvalidOperationException($"no {RoomBytes} bytes to do without the collector");
        Once(work);
        var isQuiet = GCSettings.LatencyMode == GCLatencyMode.NoGCRegion;
        if (!isQuiet) throw new InvalidOperationException($"{name}: the collector ran while instructions were counted");
        GC.EndNoGCRegion();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{units} instructions {unit}: {name}"));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Once(Action work)
    {
        work();
        s_done++; // The call above is not the last thing: a jump into the work would not come back here.
    }
}
