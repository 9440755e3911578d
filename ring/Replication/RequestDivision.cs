using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Otlp;
using Tempo.Ring.Hashing;
using Tempo.Ring.Peers;
using Tempo.Ring.Routing;

namespace Tempo.Ring.Replication;

/// <summary>Spans of a request that have the same owners.</summary>
internal sealed record RequestPart(OwnerSet Owners, SharedRequest Request, int SpanCount);

/// <summary>
/// Divides a judged request by the owners of its spans. The judging walk has noted the runs of spans of the same trace: a run's owners are
/// looked up once, and the dividing walk goes from length to length, reads no span, and copies what stays together at once. Used again and
/// again; not thread safe.
/// </summary>
internal sealed class RequestDivision
{
    // From the set's number in the ring to the part's number in this request.
    private readonly Dictionary<int, int> _parts = [];
    private readonly List<(int Set, int Spans)> _sets = [];
    private int[] _partOfRun = [];

    /// <summary>Where the judging walk notes the traces.</summary>
    public TraceRuns Runs { get; } = new();

    /// <summary>Forgets the request; false if what is kept for the next one is too much to keep.</summary>
    public bool TryClear()
    {
        Runs.Clear();
        _parts.Clear();
        _sets.Clear();
        return _partOfRun.Length <= 64 * 1024;
    }

    /// <summary>The request's parts, each with one hold on its bytes.</summary>
    /// <param name="route">Who owns what.</param>
    /// <param name="request">The request as it came.</param>
    /// <param name="hasInvalid">It has spans whose ids make no sense: they are in no run, and go to no part.</param>
    /// <param name="buffers">Where the parts' bytes are rented.</param>
    public RequestPart[] Divide(TenantRoute route, NativeBuffer request, bool hasInvalid, NativeBufferPool buffers)
    {
        Assign(route);
        var parts = new RequestPart[_sets.Count];
        for (var i = 0; i < parts.Length; i++)
            parts[i] = new RequestPart(route.Ring.Sets[_sets[i].Set],
                new SharedRequest(buffers, parts.Length == 1 ? request.Length : request.Length / parts.Length + 1024), _sets[i].Spans);
        if (parts.Length == 1 && !hasInvalid) parts[0].Request.Buffer.Append(request.Written);
        else Copy(route, request, hasInvalid, [.. parts.Select(static part => part.Request.Buffer)]);
        return parts;
    }

    private void Assign(TenantRoute route)
    {
        var runs = Runs.All;
        if (_partOfRun.Length < runs.Length) _partOfRun = new int[Math.Max(runs.Length, _partOfRun.Length * 2)];
        for (var i = 0; i < runs.Length; i++)
        {
            var set = route.SetOf(runs[i].Id);
            if (!_parts.TryGetValue(set, out var part))
            {
                _parts.Add(set, part = _sets.Count);
                _sets.Add((set, 0));
            }

            _partOfRun[i] = part;
            _sets[part] = (set, _sets[part].Spans + runs[i].Spans);
        }
    }

    private void Copy(TenantRoute route, NativeBuffer request, bool hasInvalid, NativeBuffer[] parts)
    {
        if (hasInvalid)
        {
            var byIds = new PartsByIds(route, _parts);
            OtlpSpanSplitter.Split(request.Written, ref byIds, parts);
        }
        else
        {
            var byRuns = new PartsByRuns(Runs, _partOfRun);
            OtlpSpanSplitter.Split(request.Written, ref byRuns, parts);
        }
    }

    // Both walks meet the spans in the order of the wire.
    private struct PartsByRuns(TraceRuns runs, int[] partOfRun) : ISpanPartition
    {
        private int _next;
        private int _left;
        private int _part;

        public int PartOf(ReadOnlySpan<byte> span)
        {
            if (_left == 0)
            {
                _left = runs.All[_next].Spans;
                _part = partOfRun[_next++];
            }

            _left--;
            return _part;
        }
    }

    private readonly struct PartsByIds(TenantRoute route, Dictionary<int, int> parts) : ISpanPartition
    {
        public int PartOf(ReadOnlySpan<byte> span) => OtlpSpanSplitter.TryReadTrace(span, out var trace) ? parts[route.SetOf(trace)] : -1;
    }
}
