using System.Diagnostics;
using System.Globalization;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Perf.Metrics;

// CPU time of metrics queries over blocks. The data come from `tempo-load generate`; see perf/README.md.
if (args.Length < 2)
{
    Console.Error.WriteLine("tempo-metrics-bench requests.bin folder [rounds] [spans-per-block]      requests.bin: from tempo-load generate");
    return 2;
}

var rounds = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 5;
var spansPerBlock = args.Length > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : 250_000;
var data = await BenchData.OpenAsync(args[0], args[1], spansPerBlock).ConfigureAwait(false);
string[] queries = args.Length > 4 ? [.. args.Skip(4)] :
[
    "{} | rate()",
    "{} | rate() by (resource.service.name)",
    "{} | count_over_time() by (resource.service.name, kind)",
    "{} | count_over_time() by (name)",
    "{} | quantile_over_time(duration, 0.5, 0.9, 0.99)",
    "{} | quantile_over_time(duration, 0.9) by (resource.service.name)",
    "{} | histogram_over_time(duration)",
    "{ status = error } | rate() by (resource.service.name)",
    "{ kind = server && duration > 100ms } | max_over_time(duration) by (name)",
    "{} | count_over_time() by (span.http.request.method)",
    "{} | avg_over_time(span.http.response.status_code)",
];

Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{data.SpanCount} spans in {data.Sources.Blocks.Count} blocks; least CPU milliseconds of {rounds} rounds, one thread"));
foreach (var query in queries)
{
    var request = new QueryRangeRequest { Query = query, StartUnixNano = data.StartUnixNano, EndUnixNano = data.EndUnixNano };
    var (best, allocated, samples) = (double.MaxValue, 0L, 0);
    for (var round = 0; round < rounds; round++)
    {
        using var process = Process.GetCurrentProcess();
        var (cpu, bytes) = (process.TotalProcessorTime, GC.GetTotalAllocatedBytes());
        var result = await MetricsQuery.RunRangeAsync(request, data.Sources, new MetricsLimits(), DateTimeOffset.UnixEpoch.AddDays(30_000), threadCount: 1, default).ConfigureAwait(false);
        process.Refresh();
        best = Math.Min(best, (process.TotalProcessorTime - cpu).TotalMilliseconds);
        allocated = GC.GetTotalAllocatedBytes() - bytes;
        samples = result.Series.Sum(static s => s.Samples.Count);
        if (result.Message.Length > 0) Console.WriteLine(result.Message);
    }

    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{best,8:F1} ms {best * 1e6 / data.SpanCount,7:F1} ns/span {allocated >> 20,6} MiB allocated {samples,7} samples   {query}"));
}

return 0;
