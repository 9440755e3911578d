namespace Tempo.Engine.Storage.Scan;

/// <summary>What an answer says of similar spans in place of them: one span, with these figures as attributes.</summary>
public sealed class SpanSummary
{
    /// <summary>Durations up to which the buckets of the histogram count, in milliseconds; one more counts all.</summary>
    public static readonly double[] BoundsMs = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

    private readonly long[] _counts = new long[BoundsMs.Length + 1];

    /// <summary>Spans that it stands for.</summary>
    public long SpanCount { get; private set; }
    public ulong MinDurationNano { get; private set; } = ulong.MaxValue;
    public ulong MaxDurationNano { get; private set; }
    public ulong TotalDurationNano { get; private set; }

    /// <summary>When the first of them starts and the last one ends.</summary>
    public ulong StartUnixNano { get; private set; } = ulong.MaxValue;

    /// <inheritdoc cref="StartUnixNano"/>
    public ulong EndUnixNano { get; private set; }

    /// <summary>
    /// Spans whose duration is at most the bound of that number, or any; each bucket counts those of the ones before it, too.
    /// </summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>One more of them.</summary>
    public void Add(ulong startUnixNano, ulong durationNano)
    {
        SpanCount++;
        TotalDurationNano += durationNano;
        MinDurationNano = Math.Min(MinDurationNano, durationNano);
        MaxDurationNano = Math.Max(MaxDurationNano, durationNano);
        StartUnixNano = Math.Min(StartUnixNano, startUnixNano);
        EndUnixNano = Math.Max(EndUnixNano, startUnixNano + durationNano);
        for (var i = 0; i < BoundsMs.Length; i++)
            if (durationNano <= BoundsMs[i] * 1e6)
                _counts[i]++;
        _counts[^1]++;
    }
}

/// <summary>Which spans of an answer stand for others.</summary>
public interface ISpanSummaries
{
    /// <summary>Null: the span stands for itself.</summary>
    SpanSummary? Of(SpanBatch batch, int row);
}
