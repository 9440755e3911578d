namespace Tempo.Engine.Parquet;

// Pages that are not decoded.
public sealed partial class ColumnReader
{
    /// <summary>
    /// Fetches the page that holds exactly these rows, without decoding it; false if there is no such page (then
    /// <see cref="Read"/> is the way). Levels and values are not checked: whoever decodes them must.
    /// </summary>
    public bool TryReadPage(long rowStart, int rowCount, EncodedPage target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (!TryFindPage(rowStart, rowCount, out var page)) return false;
        using var window = new SourceWindow(Source, page.Offset + page.SizeBytes);
        _pageOffset = page.Offset;
        var bytes = window.Fetch(page.Offset, page.SizeBytes);
        var header = ReadHeader(bytes, out var headerSizeBytes);
        if (header.Type is not (PageType.Data or PageType.DataV2)) Fail($"a {header.Type} page where a data page belongs");
        var body = CheckBody(header, bytes[headerSizeBytes..]);
        var memory = target.Begin(header.UncompressedSizeBytes);
        Decompress(header, body, memory);
        ReadOnlySpan<byte> values = memory;
        TakeLevels(header, ref values, out var repetition, out var definition);
        if (!repetition.IsEmpty && header.RepetitionEncoding != PageEncoding.Rle
            || !definition.IsEmpty && header.DefinitionEncoding != PageEncoding.Rle)
            Fail("levels in an encoding that is not supported");
        target.Set(header.ValueCount, header.Encoding, repetition, definition, values);
        return true;
    }

    private bool TryFindPage(long rowStart, int rowCount, out PageSpan found)
    {
        var pages = Pages;
        for (var i = 0; i < pages.Length; i++)
        {
            if (pages[i].FirstRow != rowStart || pages[i].RowCount != rowCount || pages[i].ContinuesRow
                || i + 1 < pages.Length && pages[i + 1].ContinuesRow)
                continue;
            found = pages[i];
            return true;
        }

        found = default;
        return false;
    }
}
