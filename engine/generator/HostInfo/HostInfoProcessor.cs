using System.Text;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.Spans;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.HostInfo;

/// <summary><c>metrics_generator.processor.host_info</c>.</summary>
public sealed record HostInfoSettings
{
    /// <summary>Resource attributes that name a host; the first that is there counts.</summary>
    public IReadOnlyList<string> HostIdentifiers { get; init; } = ["k8s.node.name", "host.id"];

    public string MetricName { get; init; } = "traces_host_info";
}

/// <summary>A series that is 1 for each host that spans came from.</summary>
internal sealed class HostInfoProcessor : ISpanProcessor
{
    private readonly (int Number, byte[] Name)[] _identifiers;
    private readonly SeriesTable _series;
    private readonly LabelTuple _labels;

    public HostInfoProcessor(HostInfoSettings settings, SeriesBudget budget, SeriesOptions options, CurrentSpan current)
    {
        if (settings.MetricName.Length == 0 || LabelName.Of(settings.MetricName) != settings.MetricName)
            throw new ArgumentException($"host_info.metric_name \"{settings.MetricName}\" is not a metric name");
        _identifiers = [.. settings.HostIdentifiers.Select(name => (current.Resource.Ask(name), Encoding.UTF8.GetBytes(name)))];
        _labels = new LabelTuple(options.MaxLabelValueBytes);
        var column = MetricColumn.Gauge(settings.MetricName, "Hosts that spans came from.");
        _series = new SeriesTable(new SeriesSchema(["grafana_host_id", "host_source"], [column]), budget, options);
        Tables = [_series];
    }

    public IReadOnlyList<SeriesTable> Tables { get; }

    public void OnResource(CurrentSpan current)
    {
        foreach (var (number, name) in _identifiers)
        {
            if (current.Resource[number].IsEmpty) continue;
            _labels.Clear();
            _labels.Add(current.Resource[number]);
            _labels.Add(name);
            if (_series.TryResolve(_labels, current.NowUnixMs, out var row) == Resolved.NotText) current.Counts.HostInfoNotText++;
            else _series.Set(row, 0, 1);
            return;
        }
    }

    public void OnSpan(CurrentSpan current, in SpanFields span)
    {
    }

    public bool OnCollect(long nowUnixMs) => false;
}
