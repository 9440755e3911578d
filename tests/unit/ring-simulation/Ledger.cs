using Tempo.Engine.Foundation;

namespace Tempo.Ring.Simulation;

/// <summary>What was sent, and what of it was acknowledged. A trace has a span, of one tenant.</summary>
internal sealed class Ledger
{
    private readonly Dictionary<TraceId, TenantId> _sent = [];
    private readonly Dictionary<TenantId, List<TraceId>> _acknowledged = [];

    public int Sent => _sent.Count;

    public int AcknowledgedCount => _acknowledged.Values.Sum(static traces => traces.Count);

    public TraceId Next(TenantId tenant)
    {
        var number = (ulong)_sent.Count + 1;
        var trace = new TraceId(number * 0x9E3779B97F4A7C15UL, number);
        _sent.Add(trace, tenant);
        return trace;
    }

    public void Acknowledge(TenantId tenant, IEnumerable<TraceId> traces)
    {
        if (!_acknowledged.TryGetValue(tenant, out var all)) _acknowledged.Add(tenant, all = []);
        all.AddRange(traces);
    }

    public TraceId[] Acknowledged(TenantId tenant) => _acknowledged.TryGetValue(tenant, out var all) ? [.. all] : [];

    public bool WasSent(TenantId tenant, TraceId trace) => _sent.TryGetValue(trace, out var of) && of == tenant;
}
