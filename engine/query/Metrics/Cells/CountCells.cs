using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Engine.Query.Metrics.Cells;

/// <summary>Counts of spans, or sums of their weights. Exact up to 2^53.</summary>
internal sealed class CountCells(int intervals, MemoryBudget budget) : CellArray(intervals, budget)
{
    private double[] _counts = [];

    protected override int CellBytes => sizeof(double);

    public override void Add(ReadOnlySpan<int> series, ReadOnlySpan<int> cells, ReadOnlySpan<double> values, ReadOnlySpan<double> weights)
    {
        var counts = _counts;
        var intervals = Intervals;
        if (weights.IsEmpty)
        {
            // Spans of a trace come together and mostly fall into one cell: a run is counted in a register, not in memory.
            var (last, run) = (-1, 0);
            for (var i = 0; i < series.Length; i++)
            {
                var cell = series[i] * intervals + cells[i];
                if (cell == last)
                {
                    run++;
                    continue;
                }

                if (last >= 0) counts[last] += run;
                (last, run) = (cell, 1);
            }

            if (last >= 0) counts[last] += run;
            return;
        }

        for (var i = 0; i < series.Length; i++) counts[series[i] * intervals + cells[i]] += weights[i];
    }

    public override void AddSeries(CellArray other, int from, int to)
    {
        var source = ((CountCells)other)._counts.AsSpan(from * Intervals, Intervals);
        var target = _counts.AsSpan(to * Intervals, Intervals);
        for (var i = 0; i < target.Length; i++) target[i] += source[i];
    }

    public override double Value(int series, int interval) => _counts[series * Intervals + interval];

    protected override bool IsEmpty(int cell) => _counts[cell] == 0;

    protected override void WriteCell(PartWriter writer, int cell) => writer.Number(_counts[cell]);

    protected override void ReadCell(ref PartReader reader, int cell) => _counts[cell] = reader.Counted("a count");

    protected override void Resize(int cells) => Array.Resize(ref _counts, cells);
}
