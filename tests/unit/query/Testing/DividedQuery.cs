using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Metrics;
using Tempo.Engine.Query.Sources;

namespace Tempo.Query.Tests.Testing;

/// <summary>One metrics query over several nodes, each with the traces of its own: the first asks, the others count to bytes.</summary>
public sealed class DividedQuery(IReadOnlyList<TraceSources> nodes, MetricsLimits? limits = null, int threads = 2)
{
    private static readonly DateTimeOffset LongAfter = DateTimeOffset.UnixEpoch.AddDays(30_000);

    private readonly MetricsLimits _limits = limits ?? new MetricsLimits();

    /// <summary>The spans on so many nodes, all of a trace on one; some nodes may have none.</summary>
    public static async Task<List<TraceSources>> DivideAsync(
        TestStore store, Layout layout, IReadOnlyList<TestSpan> spans, int nodes, Random random)
    {
        var nodeOf = spans.Select(static span => span.TraceId).Distinct().ToDictionary(static id => id, _ => random.Next(nodes));
        var divided = new List<TraceSources>();
        for (var node = 0; node < nodes; node++)
            divided.Add(await store.Sources(layout, [.. spans.Where(span => nodeOf[span.TraceId] == node)]));
        return divided;
    }

    /// <summary>Nodes that all have the same, each asked for a slice of the trace ids; some slices may have none.</summary>
    public static List<TraceSources> Slice(TraceSources sources, IReadOnlyList<TestSpan> spans, int nodes, Random random)
    {
        var first = default(TraceId);
        var sliced = new List<TraceSources>();
        foreach (var id in random.GetItems(spans.Select(static span => span.TraceId).ToArray(), nodes - 1).Order())
        {
            sliced.Add(sources with { Slice = new TraceSlice(first, id) });
            first = id.Next;
        }

        return [.. sliced, sources with { Slice = new TraceSlice(first, TraceSlice.All.Last) }];
    }

    public Task<QueryRangeResult> RangeAsync(QueryRangeRequest request) => WithPartsAsync(
        (sources, output) => CountAsync(request, sources, output, _limits),
        parts => MetricsQuery.RunAsync(request, nodes[0], _limits, LongAfter, threads, TestContext.Current.CancellationToken, parts));

    public Task<QueryInstantResult> InstantAsync(QueryInstantRequest request) => WithPartsAsync(
        (sources, output) =>
            MetricsQuery.CountAsync(request, sources, _limits, LongAfter, threads, output, TestContext.Current.CancellationToken),
        parts => MetricsQuery.RunAsync(request, nodes[0], _limits, LongAfter, threads, TestContext.Current.CancellationToken, parts));

    /// <summary>What one node has counted, as bytes.</summary>
    public static async Task<byte[]> CountAsync(QueryRangeRequest request, TraceSources sources, MetricsLimits? limits = null)
    {
        using var output = new NativeBuffer();
        await CountAsync(request, sources, output, limits ?? new MetricsLimits());
        return output.Written.ToArray();
    }

    /// <summary>A query over these sources to which parts are added.</summary>
    public static async Task<QueryRangeResult> AddAsync(
        QueryRangeRequest request, TraceSources sources, IEnumerable<byte[]> bytes, MetricsLimits? limits = null)
    {
        var parts = bytes.Select(BufferOf).ToList();
        try
        {
            return await MetricsQuery.RunAsync(
                request, sources, limits ?? new MetricsLimits(), LongAfter, threads: 1, TestContext.Current.CancellationToken, parts);
        }
        finally
        {
            parts.ForEach(static part => part.Dispose());
        }
    }

    /// <summary>All that an answer says of its series, with every digit; the order is taken out.</summary>
    public static string Text(QueryRangeResult result, bool withExemplars) => string.Join('\n', result.Series.Select(series =>
    {
        var samples = string.Join(
            ' ', series.Samples.Select(
                static sample => string.Create(CultureInfo.InvariantCulture, $"{sample.TimestampMs}:{sample.Value:R}")));
        var exemplars = series.Exemplars.Select(
            static e => string.Create(CultureInfo.InvariantCulture, $"{e.TimestampMs}:{e.Value:R} {MetricsText.Of(e.Labels)}"));
        return $"{MetricsText.Of(series.Labels)} {samples}{(withExemplars ? " # " + string.Join("; ", exemplars) : "")}";
    }).Order(StringComparer.Ordinal));

    public static string Text(QueryInstantResult result) =>
        string.Join('\n', result.Series.Select(
            static series => string.Create(CultureInfo.InvariantCulture, $"{MetricsText.Of(series.Labels)} {series.Value:R}"))
                .Order(StringComparer.Ordinal));

    private static Task CountAsync(QueryRangeRequest request, TraceSources sources, NativeBuffer output, MetricsLimits limits) =>
        MetricsQuery.CountAsync(request, sources, limits, LongAfter, threads: 2, output, TestContext.Current.CancellationToken);

    private static NativeBuffer BufferOf(byte[] bytes)
    {
        var buffer = new NativeBuffer();
        buffer.Append(bytes);
        return buffer;
    }

    // One node alone has none.
    private async Task<T> WithPartsAsync<T>(Func<TraceSources, NativeBuffer, Task> count, Func<IReadOnlyList<NativeBuffer>?, Task<T>> run)
    {
        var parts = new List<NativeBuffer>();
        try
        {
            foreach (var node in nodes.Skip(1))
            {
                parts.Add(new NativeBuffer());
                await count(node, parts[^1]);
            }

            return await run(nodes.Count > 1 ? parts : null);
        }
        finally
        {
            parts.ForEach(static part => part.Dispose());
        }
    }
}
