using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.Usage;

/// <summary>Section <c>distributor.usage.cost_attribution</c>.</summary>
public sealed record UsageOptions
{
    public bool IsEnabled { get; init; }

    /// <summary>Label sets of a tenant that has no limit of its own; beyond, bytes count as <see cref="UsageTracker.Overflow"/>.</summary>
    public int MaxCardinality { get; init; } = 10_000;

    /// <summary>A label set that gets no bytes for so long is forgotten.</summary>
    public TimeSpan StaleDuration { get; init; } = TimeSpan.FromMinutes(15);
}

/// <summary>
/// Whose bytes are ingested: the bytes of each accepted request, by the values of the attributes that the tenant's overrides name
/// (<c>cost_attribution.dimensions</c>). A span is charged with its own bytes and an equal share of its resource and scopes; what is left
/// of a request is shared by all its spans, so that the counters add up to the bytes that came in. Thread safe; a tenant's
/// requests are counted one after the other.
/// </summary>
public sealed class UsageTracker(UsageOptions options, Func<TenantId, CostAttributionLimits> limits, TimeProvider time)
{
    /// <summary>Every label of what is beyond the limit of label sets.</summary>
    public const string Overflow = "__overflow__";

    /// <summary>The label of an attribute that is not there.</summary>
    public const string Missing = "__missing__";

    private readonly ConcurrentDictionary<TenantId, TenantUsage> _tenants = new();

    /// <summary>Counts a request that was accepted, as OTLP protobuf.</summary>
    public void Observe(TenantId tenant, ReadOnlySpan<byte> request)
    {
        var own = limits(tenant);
        if (own.Dimensions.Count == 0) return;
        // One that is forgotten at this moment has left the table when its place can be had.
        while (!TryObserve(_tenants.GetOrAdd(tenant, static _ => new TenantUsage()), own, request)) { }
    }

    private bool TryObserve(TenantUsage usage, CostAttributionLimits own, ReadOnlySpan<byte> request)
    {
        lock (usage)
        {
            if (usage.IsForgotten) return false;
            usage.Configure(own, own.MaxCardinality > 0 ? own.MaxCardinality : options.MaxCardinality);
            var sink = new UsageSink(usage);
            if (!OtlpTraceReader.TryRead(request, ref sink, out _)) return true;
            sink.Finish();
            usage.Settle(request.Length, time.GetTimestamp());
            return true;
        }
    }

    /// <summary>Tenants of which something is counted.</summary>
    internal int TenantCount => _tenants.Count;

    /// <summary>Writes the counters in the text format of Prometheus, and forgets what is stale.</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        var text = new StringBuilder();
        text.Append("# HELP tempo_usage_tracker_bytes_received_total Bytes of accepted spans, by the labels that the tenant's cost attribution names.\n");
        text.Append("# TYPE tempo_usage_tracker_bytes_received_total counter\n");
        foreach (var (tenant, usage) in _tenants.OrderBy(static pair => pair.Key.Value, StringComparer.Ordinal))
        {
            lock (usage)
            {
                usage.Forget(series => time.GetElapsedTime(series) > options.StaleDuration);
                usage.IsForgotten = !usage.Counters.Any() && _tenants.TryRemove(tenant, out _);
                foreach (var (values, bytes) in usage.Counters)
                {
                    text.Append("tempo_usage_tracker_bytes_received_total{");
                    for (var i = 0; i < values.Length; i++)
                        text.Append(usage.Labels[i]).Append("=\"").Append(Escaped(values[i])).Append("\",");
                    text.Append("tenant=\"").Append(Escaped(tenant.Value)).Append("\",tracker=\"cost-attribution\"} ")
                        .Append(bytes.ToString(CultureInfo.InvariantCulture)).Append('\n');
                }
            }
        }

        output.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private static string Escaped(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);
}
