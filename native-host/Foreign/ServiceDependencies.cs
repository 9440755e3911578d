using Tempo.Engine.Foundation;

namespace Tempo.Host.Foreign;

/// <summary>Calls of one service by another.</summary>
internal readonly record struct ServiceCall(string Parent, string Child);

/// <summary>
/// Which services call which, counted on the newest traces of a range: a span whose parent is of another service is a call. Where one half
/// of a call sends no spans, as databases do, the other half may name it. A sample, since every trace has to be read whole; the graph of
/// all spans is the metrics generator's.
/// </summary>
/// <param name="peerOf">The name of the service at the other end of a span, empty where it has none; null: nobody is named.</param>
internal sealed class ServiceDependencies(Func<SpanRecord, string>? peerOf = null)
{
    /// <summary>Traces that are read: enough for the shape of the graph, and under a second of work.</summary>
    private const int MaxTraces = 500;

    private readonly Dictionary<ServiceCall, (long Calls, long Errors)> _calls = [];

    // Of the trace that is read: who sent a span, and what of each span counts once all are known.
    private readonly Dictionary<ulong, string> _services = [];
    private readonly HashSet<ulong> _answered = [];
    private readonly List<(ulong Id, ulong Parent, string Service, string Peer, bool IsCaller, bool IsError)> _spans = [];

    /// <summary>The calls of a range, with how many there were and how many of them failed.</summary>
    public async Task<IReadOnlyDictionary<ServiceCall, (long Calls, long Errors)>> CountAsync(
        ForeignQueries queries, TenantSet asked, TimeRange range, CancellationToken cancellation)
    {
        foreach (var id in await queries.SearchAsync(asked, new SpanQuery(), range, MaxTraces, cancellation).ConfigureAwait(false))
        {
            await foreach (var part in queries.ReadAsync(asked, id, cancellation).ConfigureAwait(false)) Take(part);
            EndTrace();
        }

        return _calls;
    }

    /// <summary>Spans of a trace, of which more may follow until <see cref="EndTrace"/>.</summary>
    internal void Take(IEnumerable<SpanRecord> spans)
    {
        foreach (var span in spans)
        {
            var service = span.Resource.ServiceName;
            _services.TryAdd(span.SpanId, service);
            var peer = span.Kind is >= SpanKind.Server and <= SpanKind.Consumer ? peerOf?.Invoke(span) ?? "" : "";
            if (span.ParentSpanId != 0 || peer.Length > 0)
                _spans.Add((span.SpanId, span.ParentSpanId, service, peer, span.Kind is SpanKind.Client or SpanKind.Producer,
                    span.StatusCode == 2));
        }
    }

    /// <summary>The trace is whole: its calls are counted.</summary>
    internal void EndTrace()
    {
        foreach (var span in _spans)
        {
            if (!_services.TryGetValue(span.Parent, out var caller) || caller == span.Service) continue;
            _answered.Add(span.Parent);
            Count(caller, span.Service, span.IsError);
        }

        foreach (var span in _spans)
        {
            if (span.Peer.Length == 0 || span.Peer == span.Service) continue;
            // The other half is there, and has been counted by what it sent itself.
            if (span.IsCaller ? _answered.Contains(span.Id) : _services.ContainsKey(span.Parent)) continue;
            if (span.IsCaller) Count(span.Service, span.Peer, span.IsError);
            else Count(span.Peer, span.Service, span.IsError);
        }

        _services.Clear();
        _answered.Clear();
        _spans.Clear();
    }

    /// <summary>What was counted until now.</summary>
    internal IReadOnlyDictionary<ServiceCall, (long Calls, long Errors)> Calls => _calls;

    private void Count(string parent, string child, bool isError)
    {
        if (parent.Length == 0 || child.Length == 0) return;
        var call = new ServiceCall(parent, child);
        var (count, errors) = _calls.GetValueOrDefault(call);
        _calls[call] = (count + 1, isError ? errors + 1 : errors);
    }
}
