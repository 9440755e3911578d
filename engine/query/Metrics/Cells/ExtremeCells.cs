using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Engine.Query.Metrics.Cells;

/// <summary>The least or the greatest value of each cell.</summary>
internal sealed class ExtremeCells(int intervals, MemoryBudget budget, bool isMax) : CellArray(intervals, budget)
{
    private double[] _extremes = [];

    protected override int CellBytes => sizeof(double);

    public override void Add(ReadOnlySpan<int> series, ReadOnlySpan<int> cells, ReadOnlySpan<double> values, ReadOnlySpan<double> weights)
    {
        for (var i = 0; i < series.Length; i++)
            if (!double.IsNaN(values[i]))
                Add(series[i] * Intervals + cells[i], values[i]);
    }

    public override void AddSeries(CellArray other, int from, int to)
    {
        var source = (ExtremeCells)other;
        for (var i = 0; i < Intervals; i++)
            if (source._extremes[from * Intervals + i] is var value && !double.IsNaN(value))
                Add(to * Intervals + i, value);
    }

    public override double Value(int series, int interval) => _extremes[series * Intervals + interval];

    protected override bool IsEmpty(int cell) => double.IsNaN(_extremes[cell]);

    protected override void WriteCell(PartWriter writer, int cell) => writer.Number(_extremes[cell]);

    protected override void ReadCell(ref PartReader reader, int cell)
    {
        _extremes[cell] = reader.Number("a value");
        if (IsEmpty(cell)) throw reader.Bad("no value");
    }

    protected override void Resize(int cells)
    {
        var before = _extremes.Length;
        Array.Resize(ref _extremes, cells);
        _extremes.AsSpan(before).Fill(double.NaN);
    }

    private void Add(int cell, double value)
    {
        ref var extreme = ref _extremes[cell];
        if (double.IsNaN(extreme) || (isMax ? value > extreme : value < extreme)) extreme = value;
    }
}
