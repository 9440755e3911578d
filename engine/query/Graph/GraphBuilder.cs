using System.Runtime.InteropServices;
using System.Text;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using AttributeScope = Tempo.Engine.TraceQL.Ast.AttributeScope;

namespace Tempo.Engine.Query.Graph;

/// <summary>A span as the graph needs it: a row of a batch.</summary>
internal readonly record struct GraphSpan(SpanBatch Batch, int Row);

/// <summary>
/// Counts traces, one whole trace at a time, by the rules of the metrics generator's service graph (operations, §6.2):
/// <code>
/// client or producer with a database attribute, its own or its resource's    an edge to the database
/// server without a parent             an edge from its peer attribute, or from "user"
/// server under a client               an edge between their services; of several servers under one client the first
/// client without a server             an edge to its peer attribute, if it has one
/// </code>
/// An edge belongs to the range if the span that tells of it starts there. Names are codes of one table, so that a span
/// allocates nothing. Not thread safe.
/// </summary>
internal sealed class GraphBuilder(ServiceGraphRequest request)
{
    private const int Server = 2, Client = 3, Producer = 4, Consumer = 5;

    private static readonly string[] DatabaseAttributes = ["db.namespace", "db.name", "db.system", "db.system.name"];
    private static readonly string[] PeerAttributes = ["peer.service", "db.name", "db.system", "db.system.name"];
    private static readonly string[] ConnectionTypes = ["", "messaging_system", "database", "virtual_node"];

    private readonly InternTable _names = new();
    private readonly Dictionary<(int Client, int Server, byte Type), (LatencyTally Requests, double ClientSeconds)> _edges = [];
    private readonly Dictionary<(int Service, int Name, byte Kind), LatencyTally> _operations = [];
    private readonly Dictionary<ulong, int> _clients = [];
    private readonly HashSet<int> _paired = [];
    private readonly FieldReader[] _databases = OfBoth(DatabaseAttributes);
    private readonly FieldReader[] _peers = Readers(PeerAttributes);
    private readonly FieldReader[] _peerService = OfBoth(["peer.service"]);
    private readonly FieldReader[] _serverAddress = OfBoth(["server.address"]);
    private readonly FieldReader[] _networkAddress = OfBoth(["network.peer.address"]);
    private readonly FieldReader[] _port = OfBoth(["network.peer.port"]);
    private bool _isTruncated;

    /// <summary>Counts the spans of one trace, all that there are of it, without duplicates.</summary>
    public void AddTrace(ReadOnlySpan<GraphSpan> spans)
    {
        _clients.Clear();
        _paired.Clear();
        for (var i = 0; i < spans.Length; i++)
        {
            AddOperation(spans[i]);
            if (KindOf(spans[i]) is Client or Producer && !Service(spans[i]).IsEmpty)
                _clients.TryAdd(spans[i].Batch.SpanId[spans[i].Row], i);
        }

        foreach (var span in spans)
            if (KindOf(span) is Server or Consumer) AddServer(span, spans);
        for (var i = 0; i < spans.Length; i++)
            if (KindOf(spans[i]) is Client or Producer && !_paired.Contains(i)) AddLonelyClient(spans[i]);
    }

    public void WriteTo(ServiceGraphResult result)
    {
        var nodes = new SortedDictionary<string, LatencyTally>(StringComparer.Ordinal);
        foreach (var ((client, server, type), (requests, clientSeconds)) in _edges)
        {
            var (from, to) = (Text(client), Text(server));
            result.Edges.Add(new ServiceEdge(from, to, ConnectionTypes[type], requests.ToStatistics(), clientSeconds));
            nodes.TryAdd(from, new LatencyTally());
            if (!nodes.TryGetValue(to, out var incoming)) nodes.Add(to, incoming = new LatencyTally());
            incoming.AddAll(requests);
        }

        result.Edges.Sort(static (a, b) =>
            string.CompareOrdinal($"{a.Client}\0{a.Server}\0{a.ConnectionType}", $"{b.Client}\0{b.Server}\0{b.ConnectionType}"));
        foreach (var (name, incoming) in nodes) result.Nodes.Add(new ServiceNode(name, incoming.ToStatistics()));
        foreach (var ((service, name, kind), requests) in _operations) result.Operations.Add(
            new OperationRow(Text(service), Text(name), kind, requests.ToStatistics()));
        result.Operations.Sort(static (a, b) => b.Requests.Count != a.Requests.Count
            ? b.Requests.Count.CompareTo(a.Requests.Count)
            : string.CompareOrdinal($"{a.Service}\0{a.SpanName}\0{a.Kind}", $"{b.Service}\0{b.SpanName}\0{b.Kind}"));
        if (_isTruncated && result.Message.Length == 0)
            result.Message = $"only the first {request.MaxRows} edges and operations were counted; ask for a shorter range";
    }

    private void AddOperation(GraphSpan span)
    {
        if (!IsInRange(span)) return;
        var name = span.Batch.Name[span.Row];
        var key = (_names.InternText(Service(span)), _names.InternText(name), span.Batch.Kind[span.Row]);
        if (!_operations.TryGetValue(key, out var tally))
        {
            if (IsFull(_operations.Count)) return;
            _operations.Add(key, tally = new LatencyTally());
        }

        tally.Add(Seconds(span), IsFailed(span));
    }

    private void AddServer(GraphSpan server, ReadOnlySpan<GraphSpan> spans)
    {
        var service = Service(server);
        if (service.IsEmpty) return;
        var parent = server.Batch.ParentSpanId[server.Row];
        if (parent == 0)
        {
            var peer = First(_peers, server);
            if (IsInRange(server)) AddEdge(peer.IsEmpty ? "user"u8 : peer, service, 3, IsFailed(server), 0, Seconds(server));
            return;
        }

        if (!_clients.TryGetValue(parent, out var index) || IsDatabase(spans[index]) || !_paired.Add(index) || !IsInRange(server)) return;
        var client = spans[index];
        var isMessaging = KindOf(client) == Producer || KindOf(server) == Consumer;
        AddEdge(Service(client), service, (byte)(isMessaging ? 1 : 0), IsFailed(client) || IsFailed(server), Seconds(client),
            Seconds(server));
    }

    private void AddLonelyClient(GraphSpan client)
    {
        var service = Service(client);
        if (service.IsEmpty || !IsInRange(client)) return;
        if (IsDatabase(client))
        {
            AddEdge(service, DatabaseName(client), 2, IsFailed(client), Seconds(client), Seconds(client));
            return;
        }

        var peer = First(_peers, client);
        if (!peer.IsEmpty) AddEdge(service, peer, 3, IsFailed(client), Seconds(client), 0);
    }

    private void AddEdge(
        ReadOnlySpan<byte> client, ReadOnlySpan<byte> server, byte type, bool isFailed, double clientSeconds, double serverSeconds)
    {
        var key = (_names.InternText(client), _names.InternText(server), type);
        ref var edge = ref CollectionsMarshal.GetValueRefOrAddDefault(_edges, key, out var isThere);
        if (!isThere)
        {
            if (IsFull(_edges.Count - 1))
            {
                _edges.Remove(key);
                return;
            }

            edge.Requests = new LatencyTally();
        }

        edge.Requests.Add(serverSeconds > 0 ? serverSeconds : clientSeconds, isFailed);
        edge.ClientSeconds += clientSeconds;
    }

    private bool IsFull(int count)
    {
        if (count < request.MaxRows) return false;
        return _isTruncated = true;
    }

    private bool IsInRange(GraphSpan span) =>
        span.Batch.StartUnixNano[span.Row] >= request.StartUnixNano && span.Batch.StartUnixNano[span.Row] < request.EndUnixNano;

    private bool IsDatabase(GraphSpan span) => KindOf(span) is Client or Producer && !First(_databases, span).IsEmpty;

    private ReadOnlySpan<byte> DatabaseName(GraphSpan span)
    {
        if (First(_peerService, span) is { IsEmpty: false } peer) return peer;
        if (First(_serverAddress, span) is { IsEmpty: false } address) return address;
        if (First(_networkAddress, span) is not { IsEmpty: false } network) return First(_databases, span);
        foreach (var reader in _port)
        {
            var port = reader.Read(Cursor(span));
            if (port.Type == FieldType.Int) return Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetString(network)}:{port.Bits}");
            if (IsText(port)) return Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetString(network)}:{Encoding.UTF8.GetString(port.Utf8)}");
        }

        return network;
    }

    private static ReadOnlySpan<byte> First(FieldReader[] readers, GraphSpan span)
    {
        foreach (var reader in readers)
            if (reader.Read(Cursor(span)) is var value && IsText(value)) return value.Utf8;
        return [];
    }

    private static bool IsText(in FieldValue value) => value.Type == FieldType.String && !value.Utf8.IsEmpty;

    private static SpanCursor Cursor(GraphSpan span) => SpanCursor.At(span.Batch, span.Row);

    private static ReadOnlySpan<byte> Service(GraphSpan span) => span.Batch.Resources.ServiceName[span.Batch.Resource[span.Row]];

    private static int KindOf(GraphSpan span) => span.Batch.Kind[span.Row];

    private static bool IsFailed(GraphSpan span) => (span.Batch.Status[span.Row] & SpanBatch.StatusCodeMask) == SpanBatch.StatusError;

    private static double Seconds(GraphSpan span) => span.Batch.DurationNano[span.Row] / 1e9;

    private string Text(int code) => Encoding.UTF8.GetString(_names[code]);

    // The resource's goes before the span's.
    private static FieldReader[] OfBoth(string[] attributes) =>
        [.. attributes.SelectMany(
            static name => new[] { new FieldReader(new AttributeRef(AttributeScope.Resource, name)),
                new FieldReader(new AttributeRef(AttributeScope.Span, name)) })];

    private static FieldReader[] Readers(string[] attributes) =>
        [.. attributes.Select(static name => new FieldReader(new AttributeRef(AttributeScope.Span, name)))];
}
