using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Engine.Query.Metrics.Cells;

/// <summary>
/// Sums, or averages, of values. The sum carries its rounding error along (Neumaier's form of Kahan's summation), so that the
/// answer does not depend on the order in which batches are added, but for cancellation beyond 106 bits.
/// </summary>
internal sealed class SumCells(int intervals, MemoryBudget budget, bool isAverage) : CellArray(intervals, budget)
{
    private double[] _sums = [];
    private double[] _errors = [];
    private double[] _weights = [];

    protected override int CellBytes => 3 * sizeof(double);

    public override void Add(ReadOnlySpan<int> series, ReadOnlySpan<int> cells, ReadOnlySpan<double> values, ReadOnlySpan<double> weights)
    {
        for (var i = 0; i < series.Length; i++)
        {
            var value = values[i];
            if (double.IsNaN(value)) continue;
            var weight = weights.IsEmpty ? 1 : weights[i];
            Add(series[i] * Intervals + cells[i], value * weight, weight);
        }
    }

    public override void AddSeries(CellArray other, int from, int to)
    {
        var source = (SumCells)other;
        for (var i = 0; i < Intervals; i++)
        {
            var cell = from * Intervals + i;
            if (source._weights[cell] == 0) continue;
            Add(to * Intervals + i, source._sums[cell], source._weights[cell]);
            _errors[to * Intervals + i] += source._errors[cell];
        }
    }

    public override double Value(int series, int interval)
    {
        var cell = series * Intervals + interval;
        if (_weights[cell] == 0) return double.NaN;
        // The error of an infinite sum is not a number.
        var sum = double.IsFinite(_sums[cell]) ? _sums[cell] + _errors[cell] : _sums[cell];
        return isAverage ? sum / _weights[cell] : sum;
    }

    protected override bool IsEmpty(int cell) => _weights[cell] == 0;

    protected override void WriteCell(PartWriter writer, int cell)
    {
        writer.Number(_weights[cell]);
        writer.Number(_sums[cell]);
        writer.Number(_errors[cell]);
    }

    protected override void ReadCell(ref PartReader reader, int cell)
    {
        _weights[cell] = reader.Counted("a count");
        _sums[cell] = reader.Number("a sum");
        _errors[cell] = reader.Number("a sum's error");
    }

    protected override void Resize(int cells)
    {
        Array.Resize(ref _sums, cells);
        Array.Resize(ref _errors, cells);
        Array.Resize(ref _weights, cells);
    }

    private void Add(int cell, double value, double weight)
    {
        var before = _sums[cell];
        var after = before + value;
        _errors[cell] += Math.Abs(before) >= Math.Abs(value) ? before - after + value : value - after + before;
        _sums[cell] = after;
        _weights[cell] += weight;
    }
}
