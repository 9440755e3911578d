using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>Which spans of a trace are left, and what those stand for that stand for others.</summary>
internal sealed class PrunedSpans : ISpanSummaries
{
    // By span id and kind, which a span has to itself in its trace.
    private readonly Dictionary<(ulong Id, byte Kind), SpanSummary> _summaries = [];

    public PrunedSpans(OrderedTrace trace, bool[]? kept)
    {
        Kept = new bool[trace.SpanCount];
        if (kept is null) Array.Fill(Kept, true);
        else kept.AsSpan(0, Kept.Length).CopyTo(Kept);
    }

    /// <summary>By the numbers of the trace's spans.</summary>
    public bool[] Kept { get; }

    /// <summary>Spans that are not in the answer because another one stands for them.</summary>
    public int PrunedCount { get; private set; }

    /// <summary>The first of the spans stands for all.</summary>
    public void Summarize(OrderedTrace trace, List<int> spans)
    {
        var summary = new SpanSummary();
        foreach (var span in spans)
        {
            var (batch, row) = (trace.Batch(span), trace.Spans[span].Span);
            summary.Add(batch.StartUnixNano[row], batch.DurationNano[row]);
            if (span != spans[0]) Kept[span] = false;
        }

        PrunedCount += spans.Count - 1;
        var (first, at) = (trace.Batch(spans[0]), trace.Spans[spans[0]].Span);
        _summaries[(first.SpanId[at], first.Kind[at])] = summary;
    }

    public SpanSummary? Of(SpanBatch batch, int row) => _summaries.GetValueOrDefault((batch.SpanId[row], batch.Kind[row]));
}
