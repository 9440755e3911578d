namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>How many different attributes a compare() counts, and whether it met more. Shared by the threads of a query.</summary>
/// <param name="max">See <see cref="MetricsLimits.MaxComparedAttributes"/>.</param>
internal sealed class ComparedAttributes(int max)
{
    private volatile bool _isPassed;

    public int Max => max;

    /// <summary>From so many on an attribute is counted only where it is met again, see <see cref="CompareAttributes"/>.</summary>
    public int MaxAtFirstSight => max / 2;

    /// <summary>Whether an attribute was not counted.</summary>
    public bool IsPassed => _isPassed;

    /// <summary>What the answer lacks; empty if nothing.</summary>
    public string Message => !_isPassed ? ""
        : $"compare() met more than {MaxAtFirstSight} different attributes, of which it counts at most {max}: of the others rare ones are left out, and some may be counted too low. Compare fewer spans, such as those of one service";

    /// <summary>An attribute was not counted where it was met.</summary>
    public void ReportLeftOut() => _isPassed = true;
}
