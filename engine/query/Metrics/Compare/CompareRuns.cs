using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// Rows of a page that follow each other and have the owner, the side and the interval in common. Used again for the next page.
/// </summary>
internal sealed class CompareRuns
{
    private CompareRun[] _runs = [];
    private int _count;

    /// <summary>The runs, ascending by owner if the owners of the rows are.</summary>
    public ReadOnlySpan<CompareRun> All => _runs.AsSpan(0, _count);

    /// <summary>Each row is an owner of its own. No weights: 1 each.</summary>
    public void Fill(ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals, ReadOnlySpan<byte> sides, ReadOnlySpan<double> weights)
    {
        GrowableArray.Reserve(ref _runs, rows.Length);
        _count = rows.Length;
        for (var i = 0; i < rows.Length; i++)
            _runs[i] = new CompareRun(rows[i], sides[i], intervals[i]) { Weight = weights.IsEmpty ? 1 : weights[i] };
    }

    /// <summary>The owner of each row is <paramref name="ownerOf"/> it.</summary>
    public void Fill(
        ReadOnlySpan<int> ownerOf, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals, ReadOnlySpan<byte> sides,
        ReadOnlySpan<double> weights)
    {
        GrowableArray.Reserve(ref _runs, rows.Length);
        _count = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            var (owner, weight) = (ownerOf[rows[i]], weights.IsEmpty ? 1 : weights[i]);
            if (_count > 0 && _runs[_count - 1] is var last && last.Owner == owner && last.Interval == intervals[i]
                && last.Side == sides[i])
                _runs[_count - 1].Weight += weight;
            else _runs[_count++] = new CompareRun(owner, sides[i], intervals[i]) { Weight = weight };
        }
    }
}

/// <summary>Spans of one owner on one side and in one interval.</summary>
internal struct CompareRun(int owner, int side, int interval)
{
    public readonly int Owner = owner;
    public readonly int Side = side;
    public readonly int Interval = interval;

    /// <summary>How many, or the sum of their weights.</summary>
    public double Weight;
}
