using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction.LargeRows;

/// <summary>
/// What the spans of some rows amount to, as a share of what one row may have (<see cref="RowLimits"/>), that of entries and that of text
/// together: found column by column, some entries at a time, without a row in memory. Keeps four bytes a span.
/// </summary>
internal sealed class RowShares
{
    private readonly RowLimits _limits;
    private readonly List<int> _firstSpans = [];
    private float[] _shares = [];
    private int _spanCount;

    private RowShares(RowLimits limits) => _limits = limits;

    /// <summary>Weighs rows [start, start + count) of these leaves, which are all of the row group's.</summary>
    public static RowShares Of(IReadOnlyList<ColumnReader> leaves, BlockVersion version, long start, int count, RowLimits limits)
    {
        var shares = new RowShares(limits);
        var data = new ColumnData();
        shares.Count(leaves.First(leaf => version.LogicalPath(leaf.Column) == "rs.ss.Spans.SpanID"), start, count, data);
        foreach (var leaf in leaves)
            if (LeafDepth.Of(version, leaf.Column) == LeafDepth.Span)
                shares.Add(leaf, version.LogicalPath(leaf.Column), start, count, data);
        return shares;
    }

    /// <summary>The share of a row; beyond 2 it is too large for one in one way or the other.</summary>
    public double OfRow(int row)
    {
        var share = 0.0;
        for (var span = _firstSpans[row]; span < End(row); span++) share += _shares[span];
        return share;
    }

    /// <summary>
    /// Where pieces of the row begin that have a share of at most 1 each, or one span: numbers of its spans, the first 0.
    /// </summary>
    public List<int> Pieces(int row)
    {
        var (starts, share) = (new List<int> { 0 }, 0.0);
        for (var span = _firstSpans[row]; span < End(row); span++)
        {
            if (share + _shares[span] > 1 && span - _firstSpans[row] > starts[^1])
            {
                starts.Add(span - _firstSpans[row]);
                share = 0;
            }

            share += _shares[span];
        }

        return starts;
    }

    private int End(int row) => row + 1 < _firstSpans.Count ? _firstSpans[row + 1] : _spanCount;

    private void Count(ColumnReader spanIds, long start, int count, ColumnData data) =>
        spanIds.ReadSlices(start, count, RowSplitter.SliceEntries, data, () =>
        {
            GrowableArray.Reserve(ref _shares, _spanCount + data.LevelCount);
            for (var entry = 0; entry < data.LevelCount; entry++)
            {
                if (data.RepetitionLevels[entry] == 0) _firstSpans.Add(_spanCount);
                _shares[_spanCount++] = 1f / _limits.Entries;
            }
        });

    private void Add(ColumnReader leaf, string path, long start, int count, ColumnData data)
    {
        var isText = leaf.Column.Type == PhysicalType.ByteArray && !path.EndsWith("SpanID", StringComparison.Ordinal);
        // A key is an attribute, and what a column of its own holds; of the values of an array all but the first count besides.
        var isEntry = path.EndsWith(".Attrs.Key", StringComparison.Ordinal) || path.Contains(".Dedicated", StringComparison.Ordinal)
            || path is "rs.ss.Spans.Events.Name" or "rs.ss.Spans.Links.TraceID" or "rs.ss.Spans.Links";
        var isValue = path.Contains(".Attrs.Value", StringComparison.Ordinal);
        if (!isText && !isEntry && !isValue) return;
        var (span, items) = (-1, leaf.Column.MaxRepetitionLevel);
        leaf.ReadSlices(start, count, RowSplitter.SliceEntries, data, () =>
        {
            var value = 0;
            for (var entry = 0; entry < data.LevelCount; entry++)
            {
                var repetition = LeafDepth.Repetition(data, leaf.Column, entry);
                if (repetition <= LeafDepth.Span && ++span >= _spanCount)
                    throw new ParquetFormatException($"column '{path}': more entries than there are spans");
                if (!LeafDepth.HasValue(data, leaf.Column, entry)) continue;
                var share = isEntry || (isValue && repetition == items) ? 1f / _limits.Entries : 0;
                if (isText) share += (float)data.Table[data.Codes[value]].Length / _limits.TextBytes;
                _shares[span] += share;
                value++;
            }
        });
    }
}
