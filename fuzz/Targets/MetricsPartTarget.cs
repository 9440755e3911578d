using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// What another node has counted for a metrics query (engine/query/Metrics/Parts/MetricsPart.cs). The first byte chooses the query; its
/// checksum is put in, or nothing but that would be tried. Holds: it is refused with a <see cref="MetricsPartException"/>, or as too large,
/// and nothing else; or it has series, and what is written of it reads as the same again.
/// </summary>
internal sealed class MetricsPartTarget : IFuzzTarget
{
    private const int QueryAt = 5;
    private const long MaxBytes = 64 << 20;

    // Intervals of a second.
    private const int Intervals = 20;

    private static readonly MetricsLimits Limits = new() { MaxBytes = MaxBytes, Memory = new QueryMemory(2 * MaxBytes) };

    public static readonly string[] Queries =
    [
        "{} | rate()",
        "{} | count_over_time() by (.a, span.b, kind)",
        "{} | sum_over_time(.a) by (name)",
        "{} | avg_over_time(duration) by (duration)",
        "{} | max_over_time(.b) by (name)",
        "{} | histogram_over_time(duration) by (name)",
        "{} | quantile_over_time(duration, 0.5, 0.9) by (status)",
        "({} | count_traces() by (name)) / ({} | count_distinct(.a) by (name))",
        "{} | compare({ status = error })",
    ];

    public string Name => "metrics-part";

    public IReadOnlyList<byte[]> Dictionary { get; } = [[0x01], [20], [0xFF, 0xFF, 0xFF, 0xFF, 0x07],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [9, 1, 5, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0xF0, 0x7F]];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        var query = Queries[input[0] % Queries.Length];
        var bytes = input[1..].ToArray();
        if (bytes.Length >= QueryAt + sizeof(ulong))
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(QueryAt), Crc32C.Compute(Encoding.UTF8.GetBytes(query)));
        try
        {
            using var first = Decode(query, bytes);
            using var second = Decode(query, first.Written);
            Oracle.Holds(second.Written.SequenceEqual(first.Written), "what is written of a part reads as the same again");
        }
        catch (MetricsPartException)
        {
            // Refused.
        }
        catch (QueryException e) when (e.Kind == QueryErrorKind.TooLarge)
        {
            // Refused as well.
        }
    }

    // Added to what has counted nothing, and written again.
    private static NativeBuffer Decode(string query, ReadOnlySpan<byte> bytes)
    {
        var parsed = MetricsPlan.Parse(query, Limits, isInstant: false);
        var options = MetricsOptions.Create(parsed, new TimeAxis(1_000_000_000, 1_000_000_000, Intervals), exemplars: 10, maxSeries: 0,
            Limits) with
        { Kernel = KernelKind.Scalar };
        using var budget = options.Budget;
        var plan = MetricsPlan.Create(parsed, options);
        var sum = new MetricsSum(
            [.. plan.Leaves.Select(leaf => LeafWorker.NewAccumulator(leaf, options))], new SearchMetrics())
        { IsOfNothing = true };
        var output = new NativeBuffer();
        try
        {
            MetricsPart.Add(bytes, plan, query, sum);
            MetricsPart.Write(output, plan, query, sum);
            _ = plan.Evaluate(sum.ToSeries(plan), CancellationToken.None);
            return output;
        }
        catch
        {
            output.Dispose();
            throw;
        }
        finally
        {
            foreach (var counted in sum.Counted) counted.Release();
        }
    }
}
