namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// The times that a block's meta counts with: near those at which its spans came in. A span whose clock is wrong by years would
/// otherwise keep its block for as long, out of reach of retention and compaction.
/// </summary>
/// <param name="FromUnixNano">First, inclusive.</param>
/// <param name="ToUnixNano">Last, inclusive.</param>
public readonly record struct TimeWindow(ulong FromUnixNano, ulong ToUnixNano)
{
    private const ulong SecondNano = 1_000_000_000;

    /// <summary>All times there are.</summary>
    public static TimeWindow Any => new(0, ulong.MaxValue);

    /// <summary>What was near enough when these blocks were written.</summary>
    public static TimeWindow Of(IReadOnlyCollection<BlockMeta> blocks) =>
        blocks.Count == 0
            ? Any
            : new(Nano(blocks.Min(static block => block.StartSeconds)), Nano(blocks.Max(static block => block.EndSeconds)));

    public bool Contains(ulong unixNano) => unixNano >= FromUnixNano && unixNano <= ToUnixNano;

    public ulong Clamp(ulong unixNano) => Math.Clamp(unixNano, FromUnixNano, ToUnixNano);

    /// <summary>Unix seconds in nanoseconds, as far as they go.</summary>
    public static ulong Nano(long seconds) =>
        seconds <= 0 ? 0 : (ulong)seconds > ulong.MaxValue / SecondNano ? ulong.MaxValue : (ulong)seconds * SecondNano;

    /// <summary>Rounded down.</summary>
    internal static long Seconds(ulong unixNano) => (long)(unixNano / SecondNano);

    /// <summary>Rounded up.</summary>
    internal static long SecondsUp(ulong unixNano) => (long)(unixNano / SecondNano) + (unixNano % SecondNano == 0 ? 0 : 1);
}

/// <summary>
/// Unix seconds from the first start to the last end of the traces of a block that reach out of its <see cref="TimeWindow"/>.
/// </summary>
/// <param name="StartSeconds">Rounded down.</param>
/// <param name="EndSeconds">Rounded up.</param>
public readonly record struct StrayTimes(long StartSeconds, long EndSeconds);
