using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;

namespace Tempo.Engine.Node;

/// <summary>
/// How much of the memory that the process may use each part takes at most by default. Together that is more than there is, since they are
/// not all at their most at once; where they are, what queries keep is let go of (<see cref="SpareMemory"/>), and requests wait or are
/// refused:
/// <code>
/// requests on their way   a quarter, 96 to 256 MiB: less would not hold one request of the largest size
/// live data               a quarter, 48 MiB at least; by spans 3 to 16 cuts: fewer would refuse while one is cut and one fills
/// merges                  an eighth, by 100 MiB each, and half of the processors: a span is merged several times, at a processor second
///                         for some
///                         300,000, so one merge at a time keeps pace with 60,000 spans/s
/// what queries keep       three eighths, up to 320 MiB: unpacked columns an eighth (96), sidecars, open blocks, ranges of remote objects
///                         (64 each) and
///                         dictionaries (32) a sixteenth each
/// spans known from others a thirty-second, in a ring with copies (<see cref="KnownSpans"/>)
/// what queries answer     a quarter (<see cref="QueryMemory"/>)
/// the rest                writers of blocks, pages while they are read, the transport, the collector's garbage
/// </code>
/// </summary>
/// <param name="AvailableBytes">Memory of the machine, or what the process's cgroup allows (of which the runtime leaves a quarter
/// aside).</param>
public readonly record struct MemoryShares(long AvailableBytes)
{
    private const long MinInflightBytes = 96L << 20;
    private const long MaxInflightBytes = 256L << 20;
    private const long CutBytes = 32L << 20;

    // Of texts that are all different; ordinary ones take 34 MiB.
    private const long RunningCutBytes = 192L << 20;

    private const long MinLiveBytes = 48L << 20;
    private const long MergeBytes = 100L << 20;
    private const int MaxMerges = 16;
    private const int MinLiveTimes = 3;
    private const int MaxLiveTimes = 16;

    public static MemoryShares OfThisProcess { get; } = new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <summary>Default of <see cref="NodeOptions.MaxInflightBytes"/>.</summary>
    public long InflightBytes => Math.Clamp(AvailableBytes / 4, MinInflightBytes, MaxInflightBytes);

    /// <summary>Default of <see cref="NodeOptions.LiveMemoryBytes"/>.</summary>
    public long LiveBytes => Math.Max(AvailableBytes / 4, MinLiveBytes);

    /// <summary>Default of <see cref="NodeOptions.MaxConcurrentMerges"/>: 1 on two processors.</summary>
    public int MergesBeside(int processors) => (int)Math.Clamp(Math.Min(AvailableBytes / 8 / MergeBytes, processors / 2), 1, MaxMerges);

    /// <summary>Default of <see cref="NodeOptions.ColumnCacheBytes"/>.</summary>
    public long ColumnCacheBytes => Math.Min(AvailableBytes / 8, 96L << 20);

    /// <summary>
    /// Default of <see cref="NodeOptions.SidecarCacheBytes"/>, <see cref="NodeOptions.OpenBlockBytes"/>, and of what is kept of remote
    /// objects.
    /// </summary>
    public long BlockCacheBytes => Math.Min(AvailableBytes / 16, 64L << 20);

    /// <summary>Of what queries know of live spans in a ring: about as many as live data has at its most.</summary>
    public long KnownSpanBytes => AvailableBytes / 32;

    /// <summary>Default of <see cref="NodeOptions.MaxRunningCuts"/>, where there are so many processors.</summary>
    public int RunningCuts(int processors) => (int)Math.Clamp(AvailableBytes / RunningCutBytes, 1, processors);

    /// <summary>Of unpacked dictionaries.</summary>
    public long DictionaryCacheBytes => Math.Min(AvailableBytes / 16, 32L << 20);

    /// <summary>Default of <see cref="NodeOptions.MaxLiveTimes"/>.</summary>
    public int LiveTimes => (int)Math.Clamp(AvailableBytes / 4 / CutBytes, MinLiveTimes, MaxLiveTimes);
}
