using Tempo.Engine.Parquet;

namespace Tempo.Perf.Instructions;

/// <summary>The pages of a block: read altogether, and looked at while they are still encoded, as a scan does.</summary>
internal static class BlockPieces
{
    public static void Count(byte[] block, long spans)
    {
        var file = ParquetFileReader.Open(new MemoryParquetSource(block));
        CountReading(file, spans);
        CountMarks(file, spans);
    }

    private static void CountReading(ParquetFileReader file, long spans)
    {
        var data = file.Schema.Columns.Select(static _ => new ColumnData()).ToArray();
        CountedWork.Count("a span", spans, "read all columns", () =>
        {
            foreach (var column in file.Schema.Columns)
                for (var group = 0; group < file.RowGroups.Count; group++)
                {
                    var reader = file.OpenColumn(group, column);
                    data[column.Index].Clear();
                    for (var page = 0; page < reader.PageCount; page++)
                    {
                        var (first, count) = reader.GetPageRows(page);
                        reader.Read(first, count, data[column.Index]);
                    }
                }
        });
    }

    private static void CountMarks(ParquetFileReader file, long spans)
    {
        var pages = Pages(file);
        var marks = new ulong[(pages.Max(static page => page.Page.LevelCount) + 63) / 64];
        CountedWork.Count("a span", spans, "mark levels", () =>
        {
            foreach (var (column, page) in pages)
                if (!TryMarkValues(column, page, marks)) throw new InvalidOperationException($"{column.Path}: levels that cannot be read");
        });
        // Only pages that have a value at every entry: how many values the others have stands in their levels.
        var full = pages.Where(static page => page.Page.IsOfIndices && IsFull(page.Column, page.Page)).ToList();
        if (full.Count == 0) throw new InvalidOperationException("no page of dictionary indices is full");
        CountedWork.Count("a span", spans, "mark an index", () =>
        {
            foreach (var (column, page) in full)
                if (!HybridMarks.TryMarkIndex(page.Values, index: 1, page.LevelCount, marks.AsSpan(0, Words(page.LevelCount))))
                    throw new InvalidOperationException($"{column.Path}: indices that cannot be read");
        });
    }

    // Of leaves that may be missing.
    private static List<(ParquetColumn Column, EncodedPage Page)> Pages(ParquetFileReader file)
    {
        var pages = new List<(ParquetColumn, EncodedPage)>();
        foreach (var column in file.Schema.Columns.Where(static column => column.MaxDefinitionLevel > 0))
            for (var group = 0; group < file.RowGroups.Count; group++)
            {
                var reader = file.OpenColumn(group, column);
                for (var number = 0; number < reader.PageCount; number++)
                {
                    var (first, count) = reader.GetPageRows(number);
                    var page = new EncodedPage();
                    if (reader.TryReadPage(first, count, page)) pages.Add((column, page));
                }
            }

        return pages;
    }

    private static bool IsFull(ParquetColumn column, EncodedPage page)
    {
        var marks = new ulong[Words(page.LevelCount)];
        return TryMarkValues(column, page, marks) && marks.Sum(static word => (long)ulong.PopCount(word)) == page.LevelCount;
    }

    // Of the entries: those that have a value.
    private static bool TryMarkValues(ParquetColumn column, EncodedPage page, ulong[] marks)
    {
        var max = column.MaxDefinitionLevel;
        return HybridMarks.TryMarkLevels(page.Definition, max, max, page.LevelCount, marks.AsSpan(0, Words(page.LevelCount)));
    }

    private static int Words(int bits) => (bits + 63) / 64;
}
