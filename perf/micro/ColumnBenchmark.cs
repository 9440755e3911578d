using System.Diagnostics;
using System.Globalization;
using Tempo.Engine.Parquet;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Micro;

/// <summary>What it costs to unpack each column of a block, page by page, and how large it is.</summary>
internal static class ColumnBenchmark
{
    public static int Run(OptionReader options)
    {
        var path = options.Text("--file") ?? throw new OptionException("columns needs --file data.parquet.");
        var only = options.Text("--only");
        options.ExpectEnd();
        Console.WriteLine($"{Machine.CpuModel()}, {Environment.ProcessorCount} processors");
        using var source = new FileParquetSource(path);
        var file = ParquetFileReader.Open(source);
        Console.WriteLine("| column | ms | of it fetched and decompressed | entries | values | KiB compressed | KiB uncompressed | ns an entry |\n|---|---|---|---|---|---|---|---|");
        foreach (var column in file.Schema.Columns)
        {
            if (only is not null && !column.Path.Contains(only, StringComparison.Ordinal)) continue;
            var best = TimeSpan.MaxValue;
            long entries = 0, values = 0, compressed = 0, uncompressed = 0;
            for (var round = 0; round < 3; round++)
            {
                (entries, values, compressed, uncompressed) = (0, 0, 0, 0);
                var started = Stopwatch.GetTimestamp();
                for (var group = 0; group < file.RowGroups.Count; group++)
                {
                    var reader = file.OpenColumn(group, column);
                    var data = new ColumnData();
                    compressed += reader.Chunk.CompressedSizeBytes;
                    uncompressed += reader.Chunk.UncompressedSizeBytes;
                    for (var page = 0; page < reader.PageCount; page++)
                    {
                        var (first, count) = reader.GetPageRows(page);
                        reader.Read(first, count, data);
                        entries += data.LevelCount;
                        values += data.ValueCount;
                    }
                }

                if (Stopwatch.GetElapsedTime(started) < best) best = Stopwatch.GetElapsedTime(started);
            }

            var fetched = MeasureFetching(file, column);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {column.Path} | {best.TotalMilliseconds:F2} | {fetched.TotalMilliseconds:F2} | {entries} | {values} | {compressed >> 10} | {uncompressed >> 10} | {best.TotalNanoseconds / entries:F2} |"));
        }

        return 0;
    }

    // The same pages without decoding them (dictionaries are left out).
    private static TimeSpan MeasureFetching(ParquetFileReader file, ParquetColumn column)
    {
        var best = TimeSpan.MaxValue;
        var page = new EncodedPage();
        for (var round = 0; round < 25; round++)
        {
            var started = Stopwatch.GetTimestamp();
            for (var group = 0; group < file.RowGroups.Count; group++)
            {
                var reader = file.OpenColumn(group, column);
                for (var number = 0; number < reader.PageCount; number++)
                {
                    var (first, count) = reader.GetPageRows(number);
                    reader.TryReadPage(first, count, page);
                }
            }

            if (Stopwatch.GetElapsedTime(started) < best) best = Stopwatch.GetElapsedTime(started);
        }

        return best;
    }
}
