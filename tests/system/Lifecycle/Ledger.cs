using System.Collections.Concurrent;
using Tempo.SystemTests.Facts;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>What every sent trace has a right to. A trace is one request, so it is kept whole or not at all.</summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<string, (Outcome Outcome, SpanFacts[] Spans)> _traces = new();

    public enum Outcome
    {
        /// <summary>The server said it has it: it must be there.</summary>
        Acknowledged,

        /// <summary>The server said it does not take it: it must not be there.</summary>
        Refused,

        /// <summary>The connection broke before an answer: there whole, or not there.</summary>
        Unknown,
    }

    public void Note(SpanFacts[] spans, Outcome outcome) => _traces[spans[0].TraceId] = (outcome, spans);

    public IEnumerable<SpanFacts[]> With(Outcome outcome) => _traces.Values.Where(t => t.Outcome == outcome).Select(t => t.Spans);

    public int Count(Outcome outcome) => With(outcome).Count();

    /// <summary>The ledger's spans of a trace that somebody found; null if it was never sent.</summary>
    public (Outcome Outcome, SpanFacts[] Spans)? Find(string traceId) => _traces.TryGetValue(traceId, out var entry) ? entry : null;
}
