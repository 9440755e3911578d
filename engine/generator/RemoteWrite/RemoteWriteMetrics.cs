using System.Collections.Concurrent;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>The sender's metrics: Prometheus' names where it has one, with the tenant as a further label.</summary>
public sealed class RemoteWriteMetrics
{
    private static readonly string[] Labels = ["remote_name", "url", "tenant"];
    private static readonly double[] BatchSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300];

    private readonly MetricRegistry _registry;
    private readonly ConcurrentDictionary<CounterFamily, byte> _families = new();

    public RemoteWriteMetrics(MetricRegistry registry)
    {
        _registry = registry;
        QueueBytes = registry.Gauge(
            "tempo_metrics_generator_remote_write_queue_bytes", "Disk space of the batches that wait for a target.", "tenant");
        QueueErrors = registry.Counter("tempo_metrics_generator_remote_write_queue_errors_total",
            "Failed writes of the queue; the samples of that collection were lost.", "tenant");
        HighestTimestamp = registry.Gauge(
            "prometheus_remote_storage_highest_timestamp_in_seconds", "Time of the latest samples that are to be sent.", "tenant");
        BatchDuration = registry.Histogram(
            "prometheus_remote_storage_sent_batch_duration_seconds", "Duration of the requests to remote storage.", BatchSeconds, Labels);
    }

    internal CounterFamily QueueBytes { get; }

    internal CounterFamily QueueErrors { get; }

    internal CounterFamily HighestTimestamp { get; }

    internal HistogramFamily BatchDuration { get; }

    /// <summary>Drops the metrics of a tenant that is no longer known.</summary>
    internal void Forget(TenantId tenant)
    {
        foreach (var family in _families.Keys) family.Remove("tenant", tenant.Value);
        QueueBytes.Remove("tenant", tenant.Value);
        QueueErrors.Remove("tenant", tenant.Value);
        HighestTimestamp.Remove("tenant", tenant.Value);
        BatchDuration.Remove("tenant", tenant.Value);
    }

    /// <summary>The counters of one tenant's target.</summary>
    internal TargetMetrics For(TenantId tenant, RemoteWriteTarget target)
    {
        string[] values = [target.ShownName, target.ShownUrl, tenant.Value];
        Counter Count(string name, string help) => Of(_registry.Counter("prometheus_remote_storage_" + name, help, Labels), values);
        Counter Level(string name, string help) => Of(_registry.Gauge(name, help, Labels), values);
        return new TargetMetrics
        {
            Samples = Outcomes("samples"),
            Exemplars = Outcomes("exemplars"),
            Histograms = Outcomes("histograms"),
            Bytes = Count("bytes_total", "Bytes of the requests that were accepted, compressed."),
            SamplesPending = Level("prometheus_remote_storage_samples_pending", "Samples that wait to be sent."),
            HighestSent =
                Level("prometheus_remote_storage_queue_highest_sent_timestamp_seconds", "Time of the latest samples that were sent."),
            OldestAge =
                Level("tempo_metrics_generator_remote_write_queue_oldest_age_seconds", "Since when the oldest waiting samples wait."),
            QueueDropped = Of(
                _registry.Counter("tempo_metrics_generator_remote_write_queue_dropped_samples_total",
                    "Samples that were dropped from a full queue before they were sent.", Labels), values),
            BatchDuration = BatchDuration.With(values),
        };

        OutcomeCounters Outcomes(string what) => new(
            Count($"{what}_total", $"{Capital(what)} that were sent, each attempt counted."),
            Count($"{what}_failed_total", $"{Capital(what)} that the receiver refused for good."),
            Count($"{what}_retried_total", $"{Capital(what)} that were sent again."),
            Count($"{what}_dropped_total", $"{Capital(what)} that relabelling or the target's settings left out."));
    }

    private Counter Of(CounterFamily family, string[] values)
    {
        _families.TryAdd(family, 0);
        return family.With(values);
    }

    private static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];
}

/// <summary>What became of what was to be sent.</summary>
internal sealed record OutcomeCounters(Counter Sent, Counter Failed, Counter Retried, Counter Dropped);

/// <summary>Metrics of one sender.</summary>
internal sealed record TargetMetrics
{
    public required OutcomeCounters Samples { get; init; }
    public required OutcomeCounters Exemplars { get; init; }
    public required OutcomeCounters Histograms { get; init; }
    public required Counter Bytes { get; init; }
    public required Counter SamplesPending { get; init; }
    public required Counter HighestSent { get; init; }
    public required Counter OldestAge { get; init; }
    public required Counter QueueDropped { get; init; }
    public required Histogram BatchDuration { get; init; }

    public void Count(in BatchCounts counts, Func<OutcomeCounters, Counter> outcome)
    {
        outcome(Samples).Add(counts.Samples);
        outcome(Exemplars).Add(counts.Exemplars);
        outcome(Histograms).Add(counts.Histograms);
    }
}
