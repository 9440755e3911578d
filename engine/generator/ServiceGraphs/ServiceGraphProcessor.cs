using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.Spans;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.ServiceGraphs;

/// <summary>Which of the metrics are made.</summary>
[Flags]
public enum ServiceGraphParts
{
    None = 0,
    Request = 1,
    Latency = 2,
    ConnectionInfo = 4,
    All = Request | Latency | ConnectionInfo,
}

/// <summary>
/// Finds which service called which:
/// <code>
/// client, producer    key = (trace, own span id)       with a database attribute (of span or resource): an edge to the database, at once
/// server, consumer    key = (trace, parent's span id)  without a parent: an edge from its peer attribute or "user", at once
/// the first side of a key waits; the second completes the edge
/// waited too long     a client with a peer attribute: an edge to that; all others are dropped and counted
/// filtered            waits without labels, so that the other side is dropped with it and is no edge to a node made up
/// </code>
/// Tempo lets a root server wait as well; nothing can come for it, so that here the edge is seen ten seconds earlier.
/// </summary>
internal sealed class ServiceGraphProcessor : ISpanProcessor
{
    private readonly ServiceGraphSettings _settings;
    private readonly ProcessorCounts _counts;
    private readonly SpanFilter _filter;
    private readonly SpanMultiplier _multiplier;
    private readonly EdgeSeries _edges;
    private readonly WaitingSides _waiting;
    private readonly LabelTuple _side;
    private readonly int _serviceName;
    private readonly PeerNames _peers;
    private readonly (int Resource, int Span)[] _dimensions;

    public ServiceGraphProcessor(
        ServiceGraphSettings settings, ServiceGraphParts parts, HistogramForm form, SeriesBudget budget, SeriesOptions options,
        CurrentSpan current)
    {
        (_settings, _counts) = (settings, current.Counts);
        _filter = new SpanFilter(settings.FilterPolicies, current);
        _multiplier = new SpanMultiplier(settings.SpanMultiplierKey, settings.EnableTraceStateSpanMultiplier, current);
        _waiting = new WaitingSides(settings.MaxItems);
        _side = new LabelTuple(options.MaxLabelValueBytes);
        _serviceName = current.Resource.Ask("service.name");
        _peers = new PeerNames(settings, current);
        _edges = new EdgeSeries(settings, parts, form, budget, options, _multiplier.IsAlwaysOne, _counts);
        _dimensions = [.. _edges.Dimensions.Select(dimension => (current.Resource.Ask(dimension), current.Span.Ask(dimension)))];
        Tables = [_edges.Table];
    }

    public IReadOnlyList<SeriesTable> Tables { get; }

    public void OnResource(CurrentSpan current) => Expire(current.NowUnixMs);

    public void OnSpan(CurrentSpan current, in SpanFields span)
    {
        if (span.Kind is < SpanNames.KindServer or > SpanNames.KindConsumer || current.Resource[_serviceName].IsEmpty) return;
        if (!_filter.Takes(current, span))
        {
            _counts.ServiceGraphsFiltered++;
            Drop(current, span);
            return;
        }

        var side = new WaitingSide
        {
            TraceId = current.TraceId,
            IsClient = span.Kind is SpanNames.KindClient or SpanNames.KindProducer,
            IsMessaging = span.Kind is SpanNames.KindProducer or SpanNames.KindConsumer,
            IsFailed = span.StatusCode == SpanNames.StatusError,
            SinceUnixMs = current.NowUnixMs,
            DurationSeconds = current.DurationSeconds,
            StartUnixNano = span.StartTimeUnixNano,
            EndUnixNano = span.EndTimeUnixNano,
            Weight = _multiplier.IsAlwaysOne ? 1 : _multiplier.Of(current, span),
        };
        side.SpanId = side.IsClient ? current.SpanId : current.ParentSpanId;
        WriteSide(current);
        if (side.IsClient && _peers.TryDatabase(current, out var database)) Complete(side, database, isDatabase: true);
        else if (!side.IsClient && side.SpanId == 0) Complete(side, PeerOr(_side.Bytes, "user"u8), isDatabase: false);
        else Pair(side);
    }

    public bool OnCollect(long nowUnixMs) => Expire(nowUnixMs);

    // Service, peer, dimensions: what an edge needs to know of a side, while it waits.
    private void WriteSide(CurrentSpan current)
    {
        _side.Clear();
        _side.Add(current.Resource[_serviceName]);
        _side.Add(_peers.Peer(current));
        foreach (var (resource, span) in _dimensions) _side.Add(
            current.Resource.Has(resource) ? current.Resource[resource] : current.Span[span]);
    }

    private void Pair(in WaitingSide side)
    {
        var slot = _waiting.Find(side.TraceId, side.SpanId);
        if (slot < 0)
        {
            if (_waiting.TryAdd(side, _side.Bytes)) _counts.Edges++;
            else _counts.DroppedSpans++;
        }
        else if (_waiting[slot].IsFiltered)
        {
            if (_waiting[slot].IsClient == side.IsClient) return;
            _waiting.Remove(slot);
            _counts.FilteredEdges++;
        }
        else if (_waiting[slot].IsClient == side.IsClient)
        {
            _waiting.Replace(slot, side, _side.Bytes);
        }
        else
        {
            ref readonly var other = ref _waiting[slot];
            if (side.IsClient) _edges.AddPair(side, _side.Bytes, other, _waiting.Labels(slot), side.Weight, side.SinceUnixMs);
            else _edges.AddPair(other, _waiting.Labels(slot), side, _side.Bytes, side.Weight, side.SinceUnixMs);
            _waiting.Remove(slot);
        }
    }

    // A side that is left out takes its partner with it, whichever comes first.
    private void Drop(CurrentSpan current, in SpanFields span)
    {
        var isClient = span.Kind is SpanNames.KindClient or SpanNames.KindProducer;
        var key = isClient ? current.SpanId : current.ParentSpanId;
        if (key == 0) return;
        var slot = _waiting.Find(current.TraceId, key);
        if (slot < 0)
        {
            _ = _waiting.TryAdd(
                new WaitingSide
                {
                    TraceId = current.TraceId,
                    SpanId = key,
                    SinceUnixMs = current.NowUnixMs,
                    IsClient = isClient,
                    IsFiltered = true
                }, []);
            return;
        }

        if (_waiting[slot].IsClient == isClient) return;
        if (!_waiting[slot].IsFiltered) _counts.FilteredEdges++;
        _waiting.Remove(slot);
    }

    private void Complete(in WaitingSide side, ReadOnlySpan<byte> partner, bool isDatabase)
    {
        if (isDatabase && _waiting.Find(side.TraceId, side.SpanId) is var slot && slot >= 0) _waiting.Remove(slot);
        else _counts.Edges++;
        _edges.AddOneSided(side, _side.Bytes, partner, isDatabase, side.SinceUnixMs);
    }

    // Some at a time, since the tenant's requests wait meanwhile; true if there are more.
    private bool Expire(long nowUnixMs)
    {
        const int atOnce = 1000;
        var before = nowUnixMs - (long)_settings.Wait.TotalMilliseconds;
        for (var count = 0; count < atOnce; count++)
        {
            var slot = _waiting.OldestBefore(before);
            if (slot < 0) return false;
            ref readonly var side = ref _waiting[slot];
            var labels = _waiting.Labels(slot);
            var peer = PeerOr(labels, default);
            if (side.IsClient && peer.Length > 0) _edges.AddOneSided(side, labels, peer, isDatabase: false, nowUnixMs);
            else if (!side.IsFiltered) _counts.ExpiredEdges++;
            _waiting.Remove(slot);
        }

        return true;
    }

    private static ReadOnlySpan<byte> PeerOr(ReadOnlySpan<byte> side, ReadOnlySpan<byte> otherwise)
    {
        var values = new LabelValues(side);
        values.TryReadNext(out _);
        values.TryReadNext(out var peer);
        return peer.Length > 0 ? peer : otherwise;
    }
}
