using System.Diagnostics;
using Tempo.Engine.Generator;
using Tempo.Engine.Generator.RemoteWrite;

namespace Tempo.Perf.Generator;

/// <summary>A collection as it is made for remote write, up to the queue.</summary>
internal static class Collection
{
    /// <summary>Series, and the milliseconds of each slice, during which a request would wait.</summary>
    public static (int Samples, double[] SliceMs) Measure(TenantGenerator generator, long nowUnixMs)
    {
        var samples = 0;
        using var encoder = new SeriesEncoder([new("__metrics_gen_instance", "perf")], "traceID", SeriesEncoder.DefaultMaxBatchSamples,
            (_, counts) => samples += counts.Samples)
        { UnixMs = nowUnixMs, ZeroUnixMs = nowUnixMs - 1 };
        // The first time has a zero ahead of each, and compiles.
        generator.Collect(nowUnixMs, endAll: false, encoder, encoder.FlushIfFull);
        encoder.Flush();
        samples = 0;
        List<double> slices = [];
        var start = Stopwatch.GetTimestamp();
        generator.Collect(nowUnixMs, endAll: false, encoder, () =>
        {
            slices.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            encoder.FlushIfFull();
            start = Stopwatch.GetTimestamp();
        });
        encoder.Flush();
        return (samples, [.. slices]);
    }
}
