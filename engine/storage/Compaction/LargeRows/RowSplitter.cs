using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Versions;

namespace Tempo.Engine.Storage.Compaction.LargeRows;

/// <summary>
/// Brings a row that is too large for memory into a file of its own, as many rows of the same trace, each a piece that is not:
/// <code>
/// for each leaf   its entries of the row, slice by slice → a page for each piece → the file
/// </code>
/// What stands above the spans (trace, resource, scope) is in every piece that has spans of it. Memory: one page of the source, a
/// piece of one leaf, what one resource or scope has.
/// </summary>
internal static class RowSplitter
{
    /// <summary>Entries of a leaf that are decoded at a time.</summary>
    public const int SliceEntries = 256 << 10;

    private static readonly ColumnOptions Quick = new() { CompressionLevel = 1, Bounds = BoundsPolicy.None };

    /// <summary>Writes the pieces to the file, which the result owns. Throws as reading the row, and <see cref="IOException"/>.</summary>
    public static SplitRow Split(
        BlockReader block, IReadOnlyList<ColumnReader> leaves, ParquetSchema schema, long row, IReadOnlyList<int> firstSpans,
        string? spillPath, ReadMemory memory)
    {
        var version = BlockVersion.Get(block.Meta.Format);
        var pieces = new PieceTable(leaves.First(leaf => version.LogicalPath(leaf.Column) == "rs.ss.Spans.SpanID"), row, firstSpans);
        var file = new SpilledFile(spillPath);
        try
        {
            var options = new ParquetWriterOptions { DefaultColumn = Quick, PageChecksums = false };
            using var writer = new ParquetFileWriter(file, schema, options, spillPath);
            writer.BeginRowGroup(pieces.Count);
            for (var i = 0; i < leaves.Count; i++)
                new LeafSplitter(
                    leaves[i], LeafDepth.Of(version, leaves[i].Column), pieces, writer, writer.CreateColumn(schema.Columns[i])).Run(row);
            var (size, footer) = writer.Finish();
            var meta = block.Meta with
            {
                SizeBytes = size,
                FooterSizeBytes = footer,
                TotalObjects = pieces.Count,
                RowGroupCount = 1,
                BloomShardCount = 0,
                Checksums = null
            };
            return new SplitRow(new BlockReader(meta, file, [], []), pieces.Count, memory);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>One leaf: its entries, thing by thing (<see cref="LeafDepth"/>), to all pieces that have the thing.</summary>
    private sealed class LeafSplitter(ColumnReader leaf, int depth, PieceTable pieces, ParquetFileWriter file, ColumnChunkWriter chunk)
    {
        private readonly ColumnData _data = new();
        private readonly EntryBuffer _page = new(leaf.Column);
        private readonly EntryBuffer _thing = new(leaf.Column);
        private int _number = -1;
        private int _piece;

        public void Run(long row)
        {
            leaf.ReadSlices(row, 1, SliceEntries, _data, AddSlice);
            EndThing();
            if (_piece != pieces.Count) throw new ParquetFormatException($"column '{leaf.Column.Path}': other spans than the tree has");
            file.WriteColumn(chunk);
        }

        private void AddSlice()
        {
            var value = 0;
            for (var entry = 0; entry < _data.LevelCount; entry++)
            {
                if (LeafDepth.Repetition(_data, leaf.Column, entry) <= depth)
                {
                    EndThing();
                    _number++;
                }

                var hasValue = LeafDepth.HasValue(_data, leaf.Column, entry);
                // A span is in one piece, so it need not be kept for others.
                (depth == LeafDepth.Span ? _page : _thing).Add(_data, entry, value, hasValue);
                if (hasValue) value++;
            }
        }

        private void EndThing()
        {
            if (_number < 0) return;
            while (_piece < pieces.Count && pieces.First(depth, _piece) <= _number)
            {
                if (depth < LeafDepth.Span) _page.AddAll(_thing);
                if (pieces.Last(depth, _piece) != _number) break;
                _page.WriteRow(chunk);
                file.WritePages(chunk);
                _page.Clear();
                _piece++;
            }

            _thing.Clear();
        }
    }
}

/// <summary>A row as pieces. Not thread safe.</summary>
internal sealed class SplitRow(BlockReader file, int count, ReadMemory memory) : IDisposable
{
    private readonly RowGroupReader _rows = file.OpenRowGroup(0, memory);

    public int Count => count;

    /// <summary>A row for each piece, all of the same trace.</summary>
    public RowGroupReader Rows => _rows;

    public void Dispose() => file.Dispose();
}
