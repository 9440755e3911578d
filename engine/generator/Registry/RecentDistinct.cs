namespace Tempo.Engine.Generator.Registry;

/// <summary>
/// How many distinct things there were of late: in this turn or the one before, whichever had more, so that what does not come any
/// more is forgotten after two turns, and the figure does not fall to nothing at each of them.
/// </summary>
internal sealed class RecentDistinct
{
    private DistinctEstimate? _now;
    private double _before;

    public void Add(ulong hash) => (_now ??= new DistinctEstimate()).Add(hash);

    public double Estimate() => Math.Max(_before, _now?.Estimate() ?? 0);

    /// <summary>Another turn begins; once an interval that is as long as series live.</summary>
    public void Turn()
    {
        _before = _now?.Estimate() ?? 0;
        _now?.Clear();
    }
}
