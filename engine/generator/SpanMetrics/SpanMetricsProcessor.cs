using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.Spans;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.SpanMetrics;

/// <summary>Which of the three metrics are made.</summary>
[Flags]
public enum SpanMetricsParts
{
    None = 0,
    Count = 1,
    Latency = 2,
    Size = 4,
    All = Count | Latency | Size,
}

/// <summary>
/// Counts spans, their latency and their size by service, name, kind, status, and what the settings add. A span costs one
/// look-up: the three metrics share their labels, and so their entity.
/// </summary>
internal sealed class SpanMetricsProcessor : ISpanProcessor
{
    private readonly SpanMetricsSettings _settings;
    private readonly SpanMetricsParts _parts;
    private readonly SpanFilter _filter;
    private readonly SpanMultiplier _multiplier;
    private readonly DimensionValues _dimensions;
    private readonly TargetInfo? _target;
    private readonly SpanNameTemplates? _names;
    private readonly ResourceIdentity _identity;
    private readonly SeriesTable _series;
    private readonly LabelTuple _labels;
    private readonly int _countColumn = -1;
    private readonly int _latencyColumn = -1;
    private readonly int _sizeColumn = -1;
    private readonly RecentDistinct? _sanitized;
    private readonly double _staleMs;
    private long _turnedUnixMs;
    private int _resourceEnd;

    public SpanMetricsProcessor(
        SpanMetricsSettings settings, SpanMetricsParts parts, HistogramForm form, SeriesBudget budget, SeriesOptions options,
        CurrentSpan current)
    {
        _settings = settings;
        _parts = parts;
        _filter = new SpanFilter(settings.FilterPolicies, current);
        _multiplier = new SpanMultiplier(settings.SpanMultiplierKey, settings.EnableTraceStateSpanMultiplier, current);
        _identity = new ResourceIdentity(current);
        _labels = new LabelTuple(options.MaxLabelValueBytes);
        var names = LabelNames(settings);
        _dimensions = new DimensionValues(settings, names, current);
        names.AddRange(_dimensions.Names);
        List<MetricColumn> columns = [];
        if (parts.HasFlag(SpanMetricsParts.Count))
            _countColumn =
                Add(columns, MetricColumn.Counter("traces_spanmetrics_calls_total", "Spans, by service, name, kind and status."));
        if (parts.HasFlag(SpanMetricsParts.Latency))
            _latencyColumn = Add(
                columns, MetricColumn.Histogram(
                    "traces_spanmetrics_latency", "Duration of the spans in seconds.", settings.HistogramBuckets, form));
        if (parts.HasFlag(SpanMetricsParts.Size))
            _sizeColumn = Add(columns, MetricColumn.Counter("traces_spanmetrics_size_total", "Bytes of the spans as OTLP protobuf."));
        _series = new SeriesTable(new SeriesSchema([.. names], [.. columns]), budget, options) { IsWhole = _multiplier.IsAlwaysOne };
        if (settings is { SpanNameSanitization: not SpanNameSanitization.Disabled, IntrinsicDimensions.SpanName: true })
            (_names, _sanitized) = (new SpanNameTemplates(current.Counts), new RecentDistinct());
        _staleMs = options.StaleDuration.TotalMilliseconds;
        if (settings.EnableTargetInfo) _target = new TargetInfo(settings, _identity, budget, options);
        Tables = _target is null ? [_series] : [_series, _target.Table];
    }

    public IReadOnlyList<SeriesTable> Tables { get; }

    /// <summary>What wants all attributes of a resource; null if nothing does.</summary>
    public ResourceLabels? AllOfResource => _target?.Attributes;

    // Service first, then what comes with the resource: that part of the key is written once a resource.
    public void OnResource(CurrentSpan current)
    {
        _labels.Clear();
        if (_settings.IntrinsicDimensions.Service) _labels.Add(_identity.ServiceName(current));
        if (_settings.EnableTargetInfo)
        {
            _labels.Add(_identity.Job(current));
            if (_settings.EnableInstanceLabel) _labels.Add(_identity.Instance(current));
        }

        _resourceEnd = _labels.Length;
        _target?.OnResource(current);
    }

    public void OnSpan(CurrentSpan current, in SpanFields span)
    {
        if (!_filter.Takes(current, span))
        {
            current.Counts.SpanMetricsFiltered++;
            return;
        }

        _labels.Truncate(_resourceEnd);
        var intrinsic = _settings.IntrinsicDimensions;
        ReadOnlySpan<byte> template = [];
        if (intrinsic.SpanName) _labels.Add(_names is null ? span.Name : NameOf(current, span.Name, out template));
        var nameEnd = _labels.Length;
        if (intrinsic.SpanKind) _labels.Add(SpanNames.Kind(span.Kind));
        if (intrinsic.StatusCode) _labels.Add(SpanNames.Status(span.StatusCode));
        if (intrinsic.StatusMessage) _labels.Add(span.StatusMessage);
        _dimensions.AppendTo(_labels, current);
        if (_series.TryResolve(_labels, current.NowUnixMs, out var row) == Resolved.NotText)
        {
            current.Counts.SpanMetricsNotText++;
            return;
        }

        // As if the name were its template, whether it is or not.
        _sanitized?.Add(KeyedHash.Of64(
            KeyedHash.Of64(_labels.Bytes[.._resourceEnd]), KeyedHash.Of64(template), KeyedHash.Of64(_labels.Bytes[nameEnd..])));
        var weight = _multiplier.IsAlwaysOne ? 1 : _multiplier.Of(current, span);
        if (_countColumn >= 0) _series.Add(row, _countColumn, weight);
        if (_latencyColumn >= 0) _series.Observe(row, _latencyColumn, current.DurationSeconds, weight, current.TraceId, current.NowUnixMs);
        if (_sizeColumn >= 0) _series.Add(row, _sizeColumn, span.MessageLength);
        _target?.OnSpan(current);
    }

    private ReadOnlySpan<byte> NameOf(CurrentSpan current, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> template)
    {
        template = _names!.Of(name);
        if (template.SequenceEqual(name)) return name;
        current.Counts.SpanNamesSanitized++;
        return _settings.SpanNameSanitization == SpanNameSanitization.Enabled ? template : name;
    }

    /// <summary>Series of the spans' metrics that there would be with templates for names, roughly; 0 without templates.</summary>
    public long SanitizedDemandEstimate => (long)(_sanitized?.Estimate() ?? 0) * _series.Schema.SeriesPerEntity;

    public bool OnCollect(long nowUnixMs)
    {
        if (_turnedUnixMs == 0) _turnedUnixMs = nowUnixMs;
        if (nowUnixMs - _turnedUnixMs < _staleMs) return false;
        _turnedUnixMs = nowUnixMs;
        _sanitized?.Turn();
        return false;
    }

    private static List<string> LabelNames(SpanMetricsSettings settings)
    {
        var intrinsic = settings.IntrinsicDimensions;
        List<string> names = [];
        if (intrinsic.Service) names.Add("service");
        if (settings.EnableTargetInfo) names.Add("job");
        if (settings is { EnableTargetInfo: true, EnableInstanceLabel: true }) names.Add("instance");
        if (intrinsic.SpanName) names.Add("span_name");
        if (intrinsic.SpanKind) names.Add("span_kind");
        if (intrinsic.StatusCode) names.Add("status_code");
        if (intrinsic.StatusMessage) names.Add("status_message");
        return names;
    }

    private static int Add(List<MetricColumn> columns, MetricColumn column)
    {
        columns.Add(column);
        return columns.Count - 1;
    }
}

/// <summary>The labels that <c>dimensions</c> and <c>dimension_mappings</c> ask for.</summary>
internal sealed class DimensionValues
{
    // Names that an attribute may not take, whether their label is on or not: a query for them would mean something else.
    private static readonly HashSet<string> Reserved = ["service", "span_name", "span_kind", "status_code", "status_message"];

    // Of each label: attributes that have its name in one spelling or another (deployment.environment and deployment_environment).
    private readonly List<List<(int Resource, int Span)>> _attributes = [];
    private readonly List<((int Resource, int Span)[] Sources, byte[] Join)> _mappings = [];
    private byte[] _joined = new byte[256];

    public DimensionValues(SpanMetricsSettings settings, IEnumerable<string> taken, CurrentSpan current)
    {
        HashSet<string> used = [.. taken];
        foreach (var attribute in settings.Dimensions)
        {
            if (LabelName.Distinct(attribute, Reserved, used) is { } name)
            {
                Names.Add(name);
                _attributes.Add([]);
            }

            if (Names.IndexOf(LabelName.Of(attribute, Reserved)) is var label && label >= 0)
                _attributes[label].Add((current.Resource.Ask(attribute), current.Span.Ask(attribute)));
        }

        foreach (var mapping in settings.DimensionMappings)
        {
            if (LabelName.Distinct(mapping.Name, Reserved, used) is not { } name) continue;
            Names.Add(name);
            _mappings.Add(([.. mapping.SourceLabels.Select(source => (current.Resource.Ask(source), current.Span.Ask(source)))],
                Encoding.UTF8.GetBytes(mapping.Join)));
        }
    }

    public List<string> Names { get; } = [];

    public void AppendTo(LabelTuple labels, CurrentSpan current)
    {
        foreach (var spellings in _attributes)
        {
            // The last one that is there, as in Tempo.
            ReadOnlySpan<byte> value = [];
            for (var i = spellings.Count - 1; i >= 0 && value.IsEmpty; i--) value = Value(current, spellings[i]);
            labels.Add(value);
        }

        foreach (var (sources, join) in _mappings) labels.Add(Joined(current, sources, join));
    }

    private static ReadOnlySpan<byte> Value(CurrentSpan current, (int Resource, int Span) attribute) =>
        current.Resource.Has(attribute.Resource) ? current.Resource[attribute.Resource] : current.Span[attribute.Span];

    private ReadOnlySpan<byte> Joined(CurrentSpan current, (int Resource, int Span)[] sources, byte[] join)
    {
        var length = 0;
        foreach (var source in sources)
        {
            var value = Value(current, source);
            if (value.IsEmpty) continue;
            if (length > 0) Append(join, ref length);
            Append(value, ref length);
        }

        return _joined.AsSpan(0, length);
    }

    private void Append(ReadOnlySpan<byte> bytes, ref int length)
    {
        if (length + bytes.Length > _joined.Length) Array.Resize(ref _joined, Math.Max(length + bytes.Length, _joined.Length * 2));
        bytes.CopyTo(_joined.AsSpan(length));
        length += bytes.Length;
    }
}
