using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Work;

namespace Tempo.Perf.Micro;

/// <summary>
/// What each column's pages take at each level of zstd, in CPU of the thread and in bytes: the table that <c>ColumnLevels</c> is chosen
/// from. Dictionary pages, and columns whose pages take little, are left out.
/// </summary>
internal static class LevelBenchmark
{
    private const int Rounds = 3;
    private const double LeastBytesPerSpan = 0.02;

    private static readonly int[] Levels = [1, 2, 3, 4, 5, 6, 9];

    public static int Run(OptionReader options)
    {
        var path = options.Text("--file") ?? throw new OptionException("levels needs --file data.parquet.");
        var only = options.Text("--only");
        options.ExpectEnd();
        Console.WriteLine($"{Machine.CpuModel()}, {Environment.ProcessorCount} processors; libzstd {Zstd.Version}; ns of CPU and bytes a span, least of {Rounds} rounds");
        using var source = new FileParquetSource(path);
        var file = ParquetFileReader.Open(source);
        var spans = Pages(file, file.Schema.Columns.First(static column => column.Path.EndsWith("Spans.SpanID", StringComparison.Ordinal)))
            .Sum(static page => (long)page.Entries);
        Console.WriteLine($"| column | {string.Join(" | ", Levels)} |\n|---|{string.Concat(Levels.Select(static _ => "---|"))}");
        foreach (var column in file.Schema.Columns)
        {
            if (only is not null && !column.Path.Contains(only, StringComparison.Ordinal)) continue;
            var pages = Pages(file, column);
            var row = new StringBuilder($"| {column.Path}");
            var least = double.MaxValue;
            foreach (var level in Levels)
            {
                var (nanos, bytes) = Measure(pages, level);
                least = Math.Min(least, (double)bytes / spans);
                row.Append(CultureInfo.InvariantCulture, $" | {(double)nanos / spans:F1}, {(double)bytes / spans:F3}");
            }

            if (least >= LeastBytesPerSpan) Console.WriteLine(row.Append(" |"));
        }

        return 0;
    }

    private static (long Nanos, long Bytes) Measure(List<(int Entries, byte[] Body)> pages, int level)
    {
        var target = new byte[Zstd.MaxCompressedLength(pages.Max(static page => page.Body.Length))];
        var (least, bytes) = (long.MaxValue, 0L);
        for (var round = 0; round < Rounds; round++)
        {
            bytes = 0;
            var started = ThreadClock.Nanoseconds;
            foreach (var (_, body) in pages) bytes += Zstd.Compress(body, target, level);
            least = Math.Min(least, ThreadClock.Nanoseconds - started);
        }

        return (least, bytes);
    }

    // Bodies as the writer compresses them: levels, each after its length, then values.
    private static List<(int Entries, byte[] Body)> Pages(ParquetFileReader file, ParquetColumn column)
    {
        var pages = new List<(int, byte[])>();
        var page = new EncodedPage();
        for (var group = 0; group < file.RowGroups.Count; group++)
        {
            var reader = file.OpenColumn(group, column);
            for (var number = 0; number < reader.PageCount; number++)
            {
                var (first, count) = reader.GetPageRows(number);
                if (!reader.TryReadPage(first, count, page)) continue;
                pages.Add((page.LevelCount, [.. WithLength(page.Repetition), .. WithLength(page.Definition), .. page.Values]));
            }
        }

        return pages;
    }

    private static byte[] WithLength(ReadOnlySpan<byte> levels) =>
        levels.IsEmpty ? [] : [.. BitConverter.GetBytes(levels.Length), .. levels];
}
