using System.Buffers;

namespace Tempo.Engine.Parquet;

// Row groups of another file, whose pages are taken as they are.
public sealed partial class ParquetFileWriter
{
    /// <summary>
    /// Copies a whole row group of a file with the same leaves: its pages byte for byte, each after its checksum, and after it was decoded
    /// (headers have no checksum); what the end of the file says of them is written anew, for their new places. The one before must have
    /// all its columns. In memory is one chunk at a time. Throws <see cref="ParquetFormatException"/> if the source is damaged or its pages
    /// are not one behind the other as this writer has them; then the file cannot be gone on with.
    /// </summary>
    /// <param name="chunks">Readers of the row group's leaves, in schema order; those of which rows were not read are read now.</param>
    /// <param name="memory">For these.</param>
    /// <returns>Bytes of the pages.</returns>
    public long CopyRowGroup(IReadOnlyList<ColumnReader> chunks, ColumnData memory)
    {
        ArgumentNullException.ThrowIfNull(chunks);
        CheckSameLeaves(chunks);
        BeginRowGroup(chunks[0].RowCount);
        var start = _position;
        for (var i = 0; i < Schema.Columns.Count; i++)
        {
            if (chunks[i].RowsRead < chunks[i].RowCount) chunks[i].ReadAll(memory);
            CopyChunk(chunks[i], Schema.Columns[i]);
        }

        return _position - start;
    }

    private void CopyChunk(ColumnReader chunk, ParquetColumn column)
    {
        var size = checked((int)chunk.Chunk.CompressedSizeBytes);
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var bytes = buffer.AsSpan(0, size);
            var encodings = chunk.ReadPages(bytes);
            Note(chunk.Moved(column, _position, encodings));
            Write(bytes);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void CheckSameLeaves(IReadOnlyList<ColumnReader> chunks)
    {
        var isSame = chunks.Count == Schema.Columns.Count;
        for (var i = 0; isSame && i < Schema.Columns.Count; i++)
        {
            var (mine, its) = (Schema.Columns[i], chunks[i].Column);
            isSame = mine.PathParts.SequenceEqual(its.PathParts) && mine.Type == its.Type
                && mine.MaxRepetitionLevel == its.MaxRepetitionLevel && mine.MaxDefinitionLevel == its.MaxDefinitionLevel;
        }

        if (!isSame) throw new ArgumentException("a row group is copied between files of the same leaves", nameof(chunks));
    }
}
