using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Compaction.LargeRows;

/// <summary>The pieces of one row: of each the first and the last resource, scope and span, numbered within the row from 0.</summary>
internal sealed class PieceTable
{
    private readonly int[][] _first;
    private readonly int[][] _last;

    /// <param name="spanIds">The leaf of span ids; its levels are the tree.</param>
    /// <param name="row">The row.</param>
    /// <param name="firstSpans">Where the pieces begin.</param>
    public PieceTable(ColumnReader spanIds, long row, IReadOnlyList<int> firstSpans)
    {
        Count = firstSpans.Count;
        _first = [.. Enumerable.Range(0, LeafDepth.Span + 1).Select(_ => new int[Count])];
        _last = [.. Enumerable.Range(0, LeafDepth.Span + 1).Select(_ => new int[Count])];
        int[] numbers = [0, -1, -1, -1];
        var piece = -1;
        var data = new ColumnData();
        spanIds.ReadSlices(row, 1, RowSplitter.SliceEntries, data, () =>
        {
            for (var entry = 0; entry < data.LevelCount; entry++)
            {
                for (var depth = Math.Max((int)data.RepetitionLevels[entry], LeafDepth.Resource); depth <= LeafDepth.Span; depth++)
                    numbers[depth]++;
                if (piece + 1 < Count && numbers[LeafDepth.Span] == firstSpans[piece + 1])
                {
                    piece++;
                    for (var depth = 0; depth <= LeafDepth.Span; depth++) _first[depth][piece] = numbers[depth];
                }

                for (var depth = 0; depth <= LeafDepth.Span; depth++) _last[depth][piece] = numbers[depth];
            }
        });
    }

    public int Count { get; }

    public int First(int depth, int piece) => _first[depth][piece];

    public int Last(int depth, int piece) => _last[depth][piece];
}
