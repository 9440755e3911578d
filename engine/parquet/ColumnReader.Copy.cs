namespace Tempo.Engine.Parquet;

// The chunk as it lies in the file, for who copies it.
public sealed partial class ColumnReader
{
    /// <summary>
    /// Fills <paramref name="target"/>, which is as long as the chunk, with its bytes: a dictionary page if there is one, then the data
    /// pages, each where the offset index says, none without a checksum that is right. The result says how many pages have which encoding.
    /// </summary>
    internal List<PageEncodingCount> ReadPages(Span<byte> target)
    {
        Source.Read(Chunk.StartOffset, target);
        var counts = new List<PageEncodingCount>();
        var pages = Pages;
        var page = 0;
        for (var at = 0; at < target.Length;)
        {
            _pageOffset = Chunk.StartOffset + at;
            var header = ReadHeader(target[at..], out var headerSizeBytes);
            if (header.Checksum is null) Fail("no checksum");
            CheckWritten(header, target.Slice(at, headerSizeBytes));
            CheckBody(header, target[(at + headerSizeBytes)..]);
            var sizeBytes = headerSizeBytes + header.CompressedSizeBytes;
            if (header.Type == PageType.Dictionary)
            {
                if (at > 0 || Chunk.DictionaryPageOffset != _pageOffset) Fail("a dictionary that is not where the footer says");
            }
            else if (page == pages.Length || pages[page].Offset != _pageOffset || pages[page].SizeBytes != sizeBytes
                || pages[page].ContinuesRow)
            {
                Fail($"not page {page} of the offset index");
            }
            else
            {
                page++;
            }

            Count(counts, header);
            at += sizeBytes;
        }

        if (page != pages.Length) Fail($"{page} data pages where the offset index has {pages.Length}");
        // In the order in which the writer makes them, so that a copied chunk is described as a written one.
        if (counts is [{ Type: PageType.Dictionary } dictionary, ..])
        {
            counts.RemoveAt(0);
            counts.Add(dictionary);
        }

        return counts;
    }

    /// <summary>Decodes all of it, a page at a time, for the errors that this finds.</summary>
    internal void ReadAll(ColumnData memory)
    {
        for (var page = 0; page < PageCount; page++)
        {
            var (first, rows) = GetPageRows(page);
            Read(first, rows, memory);
        }
    }

    /// <summary>What the end of a file says of the chunk if it begins at <paramref name="offset"/> there.</summary>
    internal WrittenChunk Moved(ParquetColumn column, long offset, List<PageEncodingCount> encodings)
    {
        var by = offset - Chunk.StartOffset;
        var locations = new PageLocation[Pages.Length];
        for (var i = 0; i < locations.Length; i++)
            locations[i] = new PageLocation(Pages[i].Offset + by, Pages[i].SizeBytes, Pages[i].FirstRow);
        var moved = new ColumnChunkMetaData
        {
            Type = Chunk.Type,
            Codec = Chunk.Codec,
            ValueCount = Chunk.ValueCount,
            UncompressedSizeBytes = Chunk.UncompressedSizeBytes,
            CompressedSizeBytes = Chunk.CompressedSizeBytes,
            DataPageOffset = Chunk.DataPageOffset + by,
            DictionaryPageOffset = Chunk.DictionaryPageOffset > 0 ? Chunk.DictionaryPageOffset + by : 0,
            Encodings = Chunk.Encodings,
            Statistics = Chunk.Statistics,
        };
        return new WrittenChunk(column, moved, locations, ReadColumnIndex(), [.. encodings]);
    }

    // The header is what this writer makes of what it says, and says of the encoding what the footer says.
    private void CheckWritten(in PageHeader header, ReadOnlySpan<byte> bytes)
    {
        var thrift = new ThriftCompactWriter();
        header.Write(thrift);
        if (!thrift.Written.SequenceEqual(bytes)) Fail("a header that this writer does not write");
        // That of a dictionary is PLAIN, whatever the footer says of the rest.
        if (header.Type == PageType.Dictionary ? header.Encoding != PageEncoding.Plain : !Chunk.Encodings.Contains(header.Encoding))
            Fail($"encoding {(int)header.Encoding}, which the footer does not name");
    }

    private static void Count(List<PageEncodingCount> counts, in PageHeader header)
    {
        for (var i = 0; i < counts.Count; i++)
        {
            if (counts[i].Type != header.Type || counts[i].Encoding != header.Encoding) continue;
            counts[i] = counts[i] with { Count = counts[i].Count + 1 };
            return;
        }

        counts.Add(new PageEncodingCount(header.Type, header.Encoding, 1));
    }
}
