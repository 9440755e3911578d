using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator.SpanMetrics;

/// <summary>Who a resource says it is, in Prometheus' words.</summary>
internal sealed class ResourceIdentity(CurrentSpan current)
{
    private readonly int _service = current.Resource.Ask("service.name");
    private readonly int _namespace = current.Resource.Ask("service.namespace");
    private readonly int _instance = current.Resource.Ask("service.instance.id");
    private byte[] _job = new byte[128];

    public ReadOnlySpan<byte> ServiceName(CurrentSpan current) => current.Resource[_service];

    public ReadOnlySpan<byte> Instance(CurrentSpan current) => current.Resource[_instance];

    /// <summary><c>namespace/name</c>, or the name alone; good until the next call.</summary>
    public ReadOnlySpan<byte> Job(CurrentSpan current)
    {
        var space = current.Resource[_namespace];
        var name = current.Resource[_service];
        if (space.IsEmpty || name.IsEmpty) return name;
        var length = space.Length + 1 + name.Length;
        if (length > _job.Length) _job = new byte[length];
        space.CopyTo(_job);
        _job[space.Length] = (byte)'/';
        name.CopyTo(_job.AsSpan(space.Length + 1));
        return _job.AsSpan(0, length);
    }
}

/// <summary><c>traces_target_info</c>: the resource's attributes as labels of a series that is 1.</summary>
internal sealed class TargetInfo
{
    private static readonly string[] Identity = ["service.name", "service.namespace", "service.instance.id"];

    private readonly ResourceIdentity _identity;
    private readonly LabelTuple _labels;
    private readonly bool _withInstance;
    private bool _isPending;

    public TargetInfo(SpanMetricsSettings settings, ResourceIdentity identity, SeriesBudget budget, SeriesOptions options)
    {
        _identity = identity;
        _withInstance = settings.EnableInstanceLabel;
        _labels = new LabelTuple(options.MaxLabelValueBytes);
        Attributes = new ResourceLabels(new HashSet<string>([.. Identity, .. settings.TargetInfoExcludedDimensions]), options);
        Table = new SeriesTable(
            new SeriesSchema(null, [MetricColumn.Gauge("traces_target_info", "Attributes of the resources that spans came from.")]), budget,
            options);
    }

    public SeriesTable Table { get; }

    /// <summary>Those of the resource that is being read.</summary>
    public ResourceLabels Attributes { get; }

    public void OnResource(CurrentSpan current)
    {
        _labels.Clear();
        var job = _identity.Job(current);
        var instance = _withInstance ? _identity.Instance(current) : [];
        // Of a series that says nothing beyond whose it is nobody can learn anything.
        _isPending = (job.Length > 0 || instance.Length > 0) && Attributes.Count > 0;
        if (!_isPending) return;
        Add("job"u8, job);
        Add("instance"u8, instance);
        Attributes.AppendTo(_labels);
    }

    /// <summary>A span of the resource was counted.</summary>
    public void OnSpan(CurrentSpan current)
    {
        if (!_isPending) return;
        _isPending = false;
        if (Table.TryResolve(_labels, current.NowUnixMs, out var row) == Resolved.NotText) return;
        Table.Set(row, 0, 1);
    }

    private void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return;
        _labels.AddName(name);
        _labels.Add(value);
    }
}
