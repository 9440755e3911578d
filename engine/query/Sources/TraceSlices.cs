using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Divides all trace ids into slices that are about the same work:
/// <code>
/// 1  the largest blocks of the range are opened, until they have half of its bytes, and enough pieces
/// 2  a block's pieces are its row groups, or the pages of these where they are few: each has a last id, and compressed bytes
/// 3  all pieces in the order of their last ids; a cut behind the one with which a slice has its share of the bytes
/// </code>
/// The cuts come from the data because ids need not be spread evenly: those of 64 bits have zeros in front, and some begin with the time.
/// Live data counts for nothing: it is little.
/// </summary>
public static class TraceSlices
{
    /// <summary>Blocks that are opened at most: of a tenant's blocks these are enough to say how its ids are spread.</summary>
    private const int MaxBlocks = 64;

    /// <summary>As many as <see cref="Search.SearchJobs"/> does: a far store answers many questions as fast as one.</summary>
    private const int OpenedAtOnce = 8;

    /// <summary>A slice is cut at the end of a piece: by eight pieces it is wrong by a sixteenth.</summary>
    private const int PiecesPerSlice = 8;

    /// <summary>Row groups that are asked for their pages: each is a read, of what the scan reads anyway.</summary>
    private const int MaxPagedRowGroups = 16;

    /// <summary>
    /// Up to <paramref name="count"/> slices, ascending: every id is in one, and none is without ids. Fewer, but at least one, where there
    /// are not so many pieces. A block that cannot be read is left out: the query will say so.
    /// </summary>
    /// <param name="sources">Whose blocks the slices are for.</param>
    /// <param name="startSeconds">Unix seconds: blocks that end earlier do not count; 0: no bound.</param>
    /// <param name="endSeconds">Unix seconds: blocks that start later do not count; 0: no bound.</param>
    /// <param name="count">How many are wanted.</param>
    /// <param name="cancellation">Ends it between two reads.</param>
    public static async Task<IReadOnlyList<TraceSlice>> DivideAsync(
        TraceSources sources, long startSeconds, long endSeconds, int count, CancellationToken cancellation)
    {
        if (count <= 1) return [TraceSlice.All];
        var blocks = QueryBlocks.Of(sources with { EndsIfBlockVanishes = false }, startSeconds,
            endSeconds).InRange.OrderByDescending(static block => block.Meta.SizeBytes).ToList();
        var (wanted, opened, paged) = (blocks.Sum(static block => block.Meta.SizeBytes) / 2, 0L, 0);
        var enough = (long)PiecesPerSlice * count;
        var pieces = new List<Piece>();
        foreach (var some in blocks.Take(MaxBlocks).Chunk(OpenedAtOnce))
        {
            if (pieces.Count >= enough && opened >= wanted) break;
            opened += some.Sum(static block => block.Meta.SizeBytes);
            var readers = await Task.WhenAll(some.Select(block => block.TryOpenAsync(cancellation).AsTask())).ConfigureAwait(false);
            foreach (var reader in readers.OfType<BlockReader>())
            {
                cancellation.ThrowIfCancellationRequested();
                if (reader.RowGroupCount >= enough) AddRowGroups(reader, pieces);
                else if (paged < MaxPagedRowGroups) paged += AddPages(reader, pieces, MaxPagedRowGroups - paged);
            }
        }

        return Cut(pieces, count);
    }

    private static void AddRowGroups(BlockReader block, List<Piece> pieces)
    {
        for (var group = 0; group < block.RowGroupCount; group++) Add(block.IdsOf(group), block.RowGroupBytes(group), pieces);
    }

    // How many row groups were asked. Of a block with more row groups than may be asked, those that are stand evenly between the others.
    private static int AddPages(BlockReader block, List<Piece> pieces, int most)
    {
        var step = (block.RowGroupCount + most - 1) / most;
        var asked = 0;
        for (var group = step / 2; group < block.RowGroupCount; group += step, asked++)
        {
            try
            {
                var rows = block.OpenRowGroup(group, new ReadMemory(), new ReadAhead());
                var bytesOfRow = (double)block.RowGroupBytes(group) * step / Math.Max(1, rows.RowCount);
                foreach (var (start, count) in rows.ScanRanges()) Add(
                    rows.FactsOf(start, count).TraceIds, (long)(bytesOfRow * count), pieces);
            }
            catch (BlockReadException)
            {
                // Whoever scans it will say what is wrong.
            }
        }

        return asked;
    }

    private static void Add((TraceId First, TraceId Last) ids, long bytes, List<Piece> pieces)
    {
        // Where nothing is known of the ids, nothing can be cut.
        if (ids.First != default || ids.Last != TraceId.MaxValue) pieces.Add(new Piece(ids.Last, bytes));
    }

    private static List<TraceSlice> Cut(List<Piece> pieces, int count)
    {
        pieces.Sort(static (a, b) => a.Last.CompareTo(b.Last));
        var slices = new List<TraceSlice>();
        var (left, done, first) = (pieces.Sum(static piece => piece.Bytes), 0L, default(TraceId));
        for (var i = 0; i + 1 < pieces.Count && slices.Count + 1 < count; i++)
        {
            done += pieces[i].Bytes;
            // The end that is nearer to its share of what is left. The next piece with the same id is of the same slice.
            if (pieces[i].Last == pieces[i + 1].Last || done + pieces[i + 1].Bytes / 2 < left / (count - slices.Count)) continue;
            slices.Add(new TraceSlice(first, pieces[i].Last));
            (first, left, done) = (pieces[i].Last.Next, left - done, 0);
        }

        slices.Add(new TraceSlice(first, TraceId.MaxValue));
        return slices;
    }

    /// <summary>A row group or a page: its last id, and its compressed bytes.</summary>
    private readonly record struct Piece(TraceId Last, long Bytes);
}
