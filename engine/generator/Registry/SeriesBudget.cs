namespace Tempo.Engine.Generator.Registry;

/// <summary>
/// What a tenant's tables may hold together, and hold. At the limit a new entity's values go to the table's overflow
/// entity, so that sums over all series stay exact and memory stays bounded. Guarded by the tenant's lock.
/// </summary>
public sealed class SeriesBudget(long maxSeries = 0, long maxEntities = 0)
{
    private readonly RecentDistinct _refused = new();
    private long _refusedSeriesPerEntity;

    /// <summary>0: no limit.</summary>
    public long MaxSeries { get; internal set; } = maxSeries;

    /// <summary>0: no limit.</summary>
    public long MaxEntities { get; internal set; } = maxEntities;

    /// <summary>Series that the entities may come to have: what the limit is held against.</summary>
    public long ReservedSeries { get; private set; }

    /// <summary>Series that have a value.</summary>
    public long ActiveSeries { get; private set; }

    public long Entities { get; private set; }

    /// <summary>Values of entities that found no room.</summary>
    public long LimitedCount { get; private set; }

    public long AddedSeries { get; private set; }

    public long RemovedSeries { get; private set; }

    /// <summary>Series that there would be without a limit, roughly (a few percent).</summary>
    public long DemandEstimate => ActiveSeries + (long)(_refused.Estimate() * _refusedSeriesPerEntity);

    /// <summary>Label sets that there would be without a limit, roughly.</summary>
    public long EntityDemandEstimate => Entities + (long)_refused.Estimate();

    /// <summary>Takes room for an entity; false if there is none.</summary>
    internal bool TryReserve(int series)
    {
        if (MaxSeries > 0 && ReservedSeries + series > MaxSeries) return false;
        if (MaxEntities > 0 && Entities >= MaxEntities) return false;
        ReservedSeries += series;
        Entities++;
        return true;
    }

    internal void Release(int series)
    {
        ReservedSeries -= series;
        Entities--;
    }

    /// <summary>The same of a whole table, whose series count as removed.</summary>
    internal void Release(int entities, int seriesPerEntity, long active)
    {
        ReservedSeries -= (long)entities * seriesPerEntity;
        Entities -= entities;
        ActiveSeries -= active;
        RemovedSeries += active;
    }

    internal void CountActive(int series)
    {
        ActiveSeries += series;
        if (series > 0) AddedSeries += series;
        else RemovedSeries -= series;
    }

    internal void CountLimited(ulong hash, int seriesPerEntity)
    {
        LimitedCount++;
        _refused.Add(hash);
        _refusedSeriesPerEntity = seriesPerEntity;
    }

    /// <summary>See <see cref="RecentDistinct.Turn"/>.</summary>
    internal void TurnRefused() => _refused.Turn();
}
