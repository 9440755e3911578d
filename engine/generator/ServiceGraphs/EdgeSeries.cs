using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator.ServiceGraphs;

/// <summary>The series of the edges.</summary>
internal sealed class EdgeSeries
{
    private static readonly HashSet<string> Reserved = ["client", "server", "connection_type", "virtual_node"];

    private readonly ServiceGraphSettings _settings;
    private readonly ProcessorCounts _counts;
    private readonly LabelTuple _labels;
    private readonly int _totalColumn = -1;
    private readonly int _failedColumn = -1;
    private readonly int _serverColumn = -1;
    private readonly int _clientColumn = -1;
    private readonly int _messagingColumn = -1;
    private readonly int _infoColumn = -1;

    public EdgeSeries(
        ServiceGraphSettings settings, ServiceGraphParts parts, HistogramForm form, SeriesBudget budget, SeriesOptions options,
        bool isWhole, ProcessorCounts counts)
    {
        (_settings, _counts) = (settings, counts);
        _labels = new LabelTuple(options.MaxLabelValueBytes);
        List<MetricColumn> columns = [];
        if (parts.HasFlag(ServiceGraphParts.Request))
        {
            _totalColumn = Add(columns, MetricColumn.Counter("traces_service_graph_request_total", "Requests between two nodes."));
            _failedColumn =
                Add(columns, MetricColumn.Counter("traces_service_graph_request_failed_total", "Failed requests between two nodes."));
        }

        if (parts.HasFlag(ServiceGraphParts.Latency))
        {
            _serverColumn = Add(columns, Seconds("server", "Time of a request between two nodes as the server saw it."));
            _clientColumn = Add(columns, Seconds("client", "Time of a request between two nodes as the client saw it."));
            if (settings.EnableMessagingSystemLatencyHistogram)
                _messagingColumn = Add(columns, Seconds("messaging_system", "Time between publisher and consumer of a message."));
        }

        if (parts.HasFlag(ServiceGraphParts.ConnectionInfo))
            _infoColumn = Add(columns, MetricColumn.Gauge("traces_service_graph_connection_info", "Nodes that are connected."));
        Table = new SeriesTable(new SeriesSchema(LabelNames(settings), [.. columns]), budget, options) { IsWhole = isWhole };

        MetricColumn Seconds(string side, string help) =>
            MetricColumn.Histogram($"traces_service_graph_request_{side}_seconds", help, settings.HistogramBuckets, form);
    }

    public SeriesTable Table { get; }

    /// <summary>The settings' dimensions that have a label, in the order of a side's values.</summary>
    public List<string> Dimensions { get; } = [];

    /// <summary>Both sides were seen.</summary>
    public void AddPair(
        in WaitingSide client, ReadOnlySpan<byte> clientLabels, in WaitingSide server, ReadOnlySpan<byte> serverLabels, double weight,
        long nowUnixMs)
    {
        var isMessaging = client.IsMessaging || server.IsMessaging;
        WriteLabels(Service(clientLabels), Service(serverLabels), isMessaging ? "messaging_system"u8 : [], [], clientLabels, serverLabels);
        if (Record(client.TraceId, client.IsFailed || server.IsFailed, client.DurationSeconds, server.DurationSeconds, weight,
            nowUnixMs) is not { } row)
            return;
        if (_messagingColumn < 0 || !isMessaging) return;
        // A message that was taken up before it was sent off says nothing of the way.
        if (server.StartUnixNano <= client.EndUnixNano) return;
        Table.Observe(row, _messagingColumn, (server.StartUnixNano - client.EndUnixNano) / 1e9, weight, client.TraceId, nowUnixMs);
    }

    /// <summary>One side was seen, and its attributes name the other: a database or a made-up node.</summary>
    public void AddOneSided(in WaitingSide side, ReadOnlySpan<byte> labels, ReadOnlySpan<byte> partner, bool isDatabase, long nowUnixMs)
    {
        var type = isDatabase ? "database"u8 : "virtual_node"u8;
        if (side.IsClient) WriteLabels(Service(labels), partner, type, isDatabase ? [] : "server"u8, labels, []);
        else WriteLabels(partner, Service(labels), type, "client"u8, [], labels);
        // A database does not tell its own time, so the client's stands for it; of a node that was not seen there is none.
        var clientSeconds = side.IsClient ? side.DurationSeconds : 0;
        var serverSeconds = side.IsClient && !isDatabase ? 0 : side.DurationSeconds;
        _ = Record(side.TraceId, side.IsFailed, clientSeconds, serverSeconds, side.Weight, nowUnixMs);
    }

    private int? Record(TraceId trace, bool isFailed, double clientSeconds, double serverSeconds, double weight, long nowUnixMs)
    {
        if (Table.TryResolve(_labels, nowUnixMs, out var row) == Resolved.NotText)
        {
            _counts.EdgesNotText++;
            return null;
        }

        if (_totalColumn >= 0) Table.Add(row, _totalColumn, weight);
        if (_failedColumn >= 0 && isFailed) Table.Add(row, _failedColumn, weight);
        if (_serverColumn >= 0) Table.Observe(row, _serverColumn, serverSeconds, weight, trace, nowUnixMs);
        if (_clientColumn >= 0) Table.Observe(row, _clientColumn, clientSeconds, weight, trace, nowUnixMs);
        if (_infoColumn >= 0) Table.Set(row, _infoColumn, 1);
        return row;
    }

    private void WriteLabels(
        ReadOnlySpan<byte> client, ReadOnlySpan<byte> server, ReadOnlySpan<byte> type, ReadOnlySpan<byte> virtualNode,
        ReadOnlySpan<byte> clientLabels, ReadOnlySpan<byte> serverLabels)
    {
        _labels.Clear();
        _labels.Add(client);
        _labels.Add(server);
        _labels.Add(type);
        if (_settings.EnableVirtualNodeLabel) _labels.Add(virtualNode);
        if (Dimensions.Count == 0) return;
        var ofClient = DimensionsOf(clientLabels);
        var ofServer = DimensionsOf(serverLabels);
        for (var i = 0; i < Dimensions.Count; i++)
        {
            if (!ofClient.TryReadNext(out var clientValue)) clientValue = [];
            if (!ofServer.TryReadNext(out var serverValue)) serverValue = [];
            if (_settings.EnableClientServerPrefix)
            {
                _labels.Add(clientValue);
                _labels.Add(serverValue);
            }
            else
            {
                _labels.Add(serverValue.Length > 0 ? serverValue : clientValue);
            }
        }
    }

    // A side's values are service, peer, dimensions.
    private static ReadOnlySpan<byte> Service(ReadOnlySpan<byte> side)
    {
        new LabelValues(side).TryReadNext(out var service);
        return service;
    }

    private static LabelValues DimensionsOf(ReadOnlySpan<byte> side)
    {
        var values = new LabelValues(side);
        if (values.TryReadNext(out _)) values.TryReadNext(out _);
        return values;
    }

    private string[] LabelNames(ServiceGraphSettings settings)
    {
        List<string> names = ["client", "server", "connection_type"];
        if (settings.EnableVirtualNodeLabel) names.Add("virtual_node");
        HashSet<string> used = [.. names];
        foreach (var dimension in settings.Dimensions)
        {
            if (LabelName.Distinct(dimension, Reserved, used) is not { } name) continue;
            Dimensions.Add(dimension);
            if (settings.EnableClientServerPrefix)
                names.AddRange([$"client_{LabelName.Of(dimension)}", $"server_{LabelName.Of(dimension)}"]);
            else names.Add(name);
        }

        return [.. names];
    }

    private static int Add(List<MetricColumn> columns, MetricColumn column)
    {
        columns.Add(column);
        return columns.Count - 1;
    }
}
