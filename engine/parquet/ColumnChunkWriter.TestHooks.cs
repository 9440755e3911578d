namespace Tempo.Engine.Parquet;

// For the tests of the reader: pages that this writer would never make.
public sealed partial class ColumnChunkWriter
{
    /// <summary>Adds a page, header and body, as it is.</summary>
    internal void AppendEncodedPage(ReadOnlySpan<byte> page, int rowCount)
    {
        _locations.Add(new PageLocation(_pages.WrittenCount, page.Length, RowCount));
        _pages.Write(page);
        _bounds.Add(null, null, 1, 0);
        RowCount += rowCount;
        _valueCount += rowCount;
    }
}
