namespace Tempo.Perf.Load.Traffic;

/// <summary>One span of a planned trace; offsets are nanoseconds after the trace's start.</summary>
internal sealed record PlannedSpan(int Trace, int Index, int Parent, Operation Operation, long StartNanos)
{
    public long EndNanos { get; set; }
    public bool Failed { get; init; }
}

/// <summary>Walks the call graph from a journey's entry and lays its spans out in time.</summary>
internal static class TracePlanner
{
    public const int MinSpans = 5;
    public const int MaxSpans = 60;

    /// <summary>Appends the spans of one trace to <paramref name="spans"/>; their indices go on from those already there.</summary>
    /// <returns>The end of the last span in nanoseconds after the trace's start.</returns>
    public static long Append(List<PlannedSpan> spans, int trace, Xoshiro256 random)
    {
        int first = spans.Count;
        do
        {
            spans.RemoveRange(first, spans.Count - first);
            Expand(DemoShop.DrawJourney(random), parent: -1, startNanos: 0);
        }
        while (spans.Count - first < MinSpans);

        long end = 0;
        for (int i = first; i < spans.Count; i++)
            end = Math.Max(end, spans[i].EndNanos);
        return end;

        long Expand(Operation operation, int parent, long startNanos)
        {
            var span = new PlannedSpan(trace, spans.Count, parent, operation, startNanos) { Failed = random.Chance(operation.ErrorRate) };
            spans.Add(span);
            long selfNanos = (long)random.LogNormal(operation.MedianSelfMicros * 1000);
            long cursor = startNanos + selfNanos / 3;
            foreach (Call call in operation.Calls)
                for (int times = random.Between(call.MinTimes, call.MaxTimes); times > 0; times--)
                {
                    if (spans.Count - first >= MaxSpans) break;
                    long gapNanos = (long)random.LogNormal(call.Detached ? 4_000_000 : 40_000);
                    long calleeEnd = Expand(call.Callee, span.Index, cursor + gapNanos);
                    if (!call.Detached) cursor = calleeEnd + gapNanos / 2;
                }
            return span.EndNanos = cursor + selfNanos * 2 / 3;
        }
    }
}
