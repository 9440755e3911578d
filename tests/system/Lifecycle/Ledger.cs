using System.Collections.Concurrent;
using Tempo.SystemTests.Facts;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>What became of a trace that was sent.</summary>
internal enum Outcome
{
    /// <summary>On its way, or the connection broke before an answer: there whole, or not there.</summary>
    Unknown,

    /// <summary>The server said it has it: it must be there.</summary>
    Acknowledged,

    /// <summary>The server said it does not take it: it must not be there.</summary>
    Refused,
}

internal static class Outcomes
{
    /// <summary>What an answer over HTTP says of the trace that was sent.</summary>
    public static Outcome OfHttpStatus(int status) => status switch
    {
        200 => Outcome.Acknowledged,
        >= 400 and < 500 => Outcome.Refused,
        _ => Outcome.Unknown,
    };
}

/// <param name="Spans">All of the trace. A trace is one request, so it is kept whole or not at all; all spans have the same name.</param>
internal sealed record LedgerEntry(string Tenant, IReadOnlyList<SpanFacts> Spans, Outcome Outcome)
{
    public string TraceId => Spans[0].TraceId;

    public string Name => Spans[0].Name;
}

/// <summary>Every trace that was sent, and what it has a right to. Thread safe.</summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<string, LedgerEntry> _entries = new();

    /// <summary>Notes a trace, or what is now known of it.</summary>
    public void Note(LedgerEntry entry) => _entries[entry.TraceId] = entry;

    public IReadOnlyList<LedgerEntry> Entries => [.. _entries.Values];

    public int Count(Outcome outcome) => _entries.Values.Count(entry => entry.Outcome == outcome);

    /// <summary>The entry of a trace that somebody found; null if it was never sent.</summary>
    public LedgerEntry? Find(string traceId) => _entries.GetValueOrDefault(traceId);

    public override string ToString() =>
        $"{Count(Outcome.Acknowledged)} acknowledged, {Count(Outcome.Refused)} refused, {Count(Outcome.Unknown)} unknown";
}
