using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Forwarding;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.SpanCounts;
using Tempo.Engine.Node.SpanLogs;
using Tempo.Engine.Node.Usage;
using Tempo.Host.Authentication;
using Tempo.Host.Config;
using Tempo.Host.Diff;
using Tempo.Host.Foreign;
using Tempo.Host.Grpc;
using Tempo.Host.Http;
using Tempo.Host.Mcp;
using Tempo.Host.Overrides;
using Tempo.Host.Peer;
using Tempo.Host.Receivers;
using Tempo.Host.Telemetry;
using Tempo.Host.Telemetry.OwnTraces;
using Tempo.Host.Tenancy;
using Tempo.Host.Ui;
using Tempo.Ring;
using Tempo.Ring.Replication;

namespace Tempo.Host.Startup;

/// <summary>
/// The running process: node, receivers, API. Started in this order, stopped in the opposite one. Whatever is started
/// when a later part fails is stopped again.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "StopAsync disposes what StartAsync has made, in the opposite order.")]
public sealed class TempoServer
{
    /// <summary>Query parameters only; bodies are not read. Leaves room for a query of 128 KiB, percent-encoded.</summary>
    private static readonly ListenerLimits ApiLimits = new(MaxBodyBytes: 1 << 20, MaxRequestLineBytes: 512 * 1024, IsHttp2Only: false);

    private static readonly ListenerLimits GrpcLimits = new(MaxBodyBytes: null, MaxRequestLineBytes: 8 * 1024, IsHttp2Only: true);

    /// <summary>Request messages of gRPC queries under way; some hundred bytes each, as a rule.</summary>
    private const long QueryMemoryBytes = 64 << 20;

    private readonly HostOptions _options;
    private readonly Lifecycle _lifecycle;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly MetricRegistry _metrics = new();
    private readonly Listeners _listeners;
    private TenantOverrides _overrides = new();
    private OverridesReloader? _reloader;
    private UserOverrides? _userOverrides;
    private ReceiverServers? _receivers;
    private TempoNode? _node;
    private RingNode? _ring;
    private UsageTracker? _usage;
    private Forwarders? _forwarders;
    private SpanLog? _spans;
    private SpanCounter? _counts;
    private OwnTraceExport? _ownTraces;

    private TempoServer(HostOptions options, Lifecycle lifecycle, Log log, TimeProvider time)
    {
        _options = options;
        _lifecycle = lifecycle;
        _log = log;
        _time = time;
        _listeners = new Listeners(new ListenerAuthentication(options.Authentication, _metrics, log, time), log, time);
    }

    /// <summary>Runs until <see cref="Lifecycle.RequestStop"/>, then stops cleanly.</summary>
    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    /// <exception cref="NodeStartException">The data folder cannot be used.</exception>
    public static Task RunAsync(HostOptions options, Lifecycle lifecycle, Log log, TimeProvider time)
    {
        var server = new TempoServer(options, lifecycle, log, time);
        return lifecycle.RunAsync(server.StartAsync, server.StopAsync, options.ShutdownDelay, log, time);
    }

    private async Task StartAsync()
    {
        ProcessMetrics.Register(_metrics);
        if (OwnTraceOptions.Read(Environment.GetEnvironmentVariable, $"tempo-{_options.Target}", _log) is { } ownTraces)
            _ownTraces = new OwnTraceExport(ownTraces, _metrics, _log, _time);
        ReserveThreads(_options.Node.MaxRunningQueries + _options.Node.MaxRunningCuts);
        _overrides = new TenantOverrides(_options.Limits);
        if (_options.Forwarders.Count > 0)
            _forwarders = new Forwarders(_options.Forwarders, tenant => _overrides.Of(tenant).Forwarders, _metrics, _log, _time);
        if (_options.Usage.IsEnabled) _usage = new UsageTracker(_options.Usage, tenant => _overrides.Of(tenant).CostAttribution, _time);
        if (_options.ReceivedSpans.IsEnabled || _options.DiscardedSpans.IsEnabled)
            _spans = new SpanLog(_options.ReceivedSpans, _options.DiscardedSpans, _log);
        if (_options.CountedSpans.IsEnabled) _counts = new SpanCounter(_options.CountedSpans, _metrics, _time);
        _reloader = OverridesReloader.Start(_options, _overrides, _metrics, _log, _time);
        _userOverrides = await UserOverridesStart.StartAsync(_options, _overrides, _metrics, _log, _time).ConfigureAwait(false);
        // Its members are heard of while the node reads its log.
        var ringOptions = RingStart.OptionsOf(_options, _overrides, _log);
        _ring = ringOptions is null ? null : RingNode.Start(ringOptions, _metrics, _log, _time, new Random(Environment.ProcessId));
        var nodeOptions = _options.Node with
        {
            Overrides = _overrides,
            Generator = GeneratorStart.OptionsOf(_options),
            Owner = _ring is null ? SoleOwner.Instance : _ring,
            Share = _ring is null ? SoleOwner.Instance : _ring
        };
        _node = await TempoNode.StartAsync(nodeOptions, _metrics, _log, _time).ConfigureAwait(false);
        var tenants = new TenantResolver(_options.MultitenancyEnabled, _options.Api.AreTenantSetsAllowed);
        var requests = new RequestMetrics(_metrics);
        await StartApiAsync(_node, tenants, requests).ConfigureAwait(false);
        if (_ring is not null) await _ring.JoinAsync(_node, _metrics, () => _lifecycle.IsStopping).ConfigureAwait(false);
        _receivers = new ReceiverServers(_listeners, RouterOf(_node), tenants, requests, _metrics, _log, _time);
        if (Targets.Of(_options.Target).Receives)
            await _receivers.StartAsync(_options).ConfigureAwait(false);
        if (_ring is not null) await _ring.ActivateAsync(CancellationToken.None).ConfigureAwait(false);
        _lifecycle.ReportStarted();
        StartupPages.GiveBack();
        using var process = Process.GetCurrentProcess();
        _log.Info("Tempo started", ("version", BuildInfo.Version), ("compilation", BuildInfo.Compilation),
            ("after_ms", (long)(DateTime.UtcNow - process.StartTime.ToUniversalTime()).TotalMilliseconds));
    }

    private IngestRouter RouterOf(TempoNode node)
    {
        if (_ring is not { } ring) return new IngestRouter(node) { Answered = Answered() };
        var peers = ring.Options.Peers;
        return new IngestRouter(
            node, new Replicator(node, () => ring.Routing, new ReplicationMetrics(_metrics), peers.PushTimeout * 2, _time))
        {
            Answered =
                Answered()
        };
    }

    // What is done with requests beside storing them; null costs nothing.
    private Action<TenantId, NativeBuffer, IngestOutcome>? Answered() =>
        _usage is null && _forwarders is null && _spans is null && _counts is null ? null : (tenant, request, outcome) =>
        {
            _spans?.Observe(tenant, request.Written, outcome);
            _counts?.Observe(tenant, request.Written, outcome);
            if (outcome.AcceptedSpans == 0) return;
            _usage?.Observe(tenant, request.Written);
            _forwarders?.Accept(tenant, request.Written);
        };

    // Queries and the writing of a block compute on the pool's threads. It begins with one thread a core and adds more only
    // twice a second, so that requests would wait behind them: these come on top.
    private static void ReserveThreads(int computing)
    {
        ThreadPool.GetMinThreads(out var workers, out var completionPorts);
        ThreadPool.SetMinThreads(workers + computing, completionPorts);
    }

    private async Task StartApiAsync(TempoNode node, TenantResolver tenants, RequestMetrics requests)
    {
        var status = new StatusOverridesEndpoint(_overrides);
        var limits = new QueryLimits(_options.Search, _overrides);
        var tagAnswer = new TagAnswer(tenants, limits, _time);
        ApiRouter router = null!;
        var answersQueries = Targets.Of(_options.Target).Queries;
        ApiRoute[] all =
            [
                ReadyEndpoint.Route(node, _lifecycle),
                MetricsEndpoint.Route(_metrics),
                UsageMetricsEndpoint.Route(_usage),
                GeneratedMetricsEndpoint.Route(node, tenants),
                new ServiceGraphEndpoint(node, tenants, _time).Route(),
                EchoEndpoint.Route(),
                BuildInfoEndpoint.Route(),
                .. new StatusEndpoint(_options, Services, () => router.Routes, status.RuntimeConfig).Routes(),
                DedicatedColumnsEndpoint.Route(node),
                .. status.Routes(),
                new OverridesEndpoint(
                    _userOverrides, _overrides, _options.UserOverrides.ChecksConflicts, _options.Forwarders, tenants).Route(),
                .. SingleProcessEndpoints.Routes(),
                .. new RingPages(_ring, _time).Routes(),
                FlushEndpoint.Route(node),
                ShutdownEndpoint.Route(_lifecycle),
                .. new TraceByIdEndpoint(node, tenants, new TraceDeletionEndpoint(node, tenants, _options.Api.IsTraceDeletionEnabled),
                    _overrides.MaxBytesPerTrace, asked => _options.Api.IsSpanPruningEnabled
                        || asked.Tenants.All(tenant => _overrides.Of(tenant).Read.IsSpanPruningEnabled)).Routes(),
                new TraceDiffEndpoint(new TraceDiffQuery(node, _overrides.MaxBytesPerTrace), tenants).Route(),
                new SearchEndpoint(node, tenants, limits, _time).Route(),
                new QueryRangeEndpoint(node, tenants, _options.Node.Metrics, _time).Route(),
                new QueryInstantEndpoint(node, tenants, _time).Route(),
                new TagNamesEndpoint(node, tagAnswer).Route(),
                new TagNamesV2Endpoint(node, tagAnswer).Route(),
                new TagValuesEndpoint(node, tagAnswer).Route(),
                new TagValuesV2Endpoint(node, tagAnswer).Route(),
                .. ForeignApi.Routes(node, tenants, limits, _options, _time),
                .. UiEndpoint.Routes(_options.HttpPathPrefix, _options.HttpApiPrefix),
                .. McpApi.Routes(node, tenants, limits, _options, _overrides.MaxBytesPerTrace, _metrics, _lifecycle, _time),
                .. NotYetEndpoint.Routes(),
            ];
        // What is left of a path without its route is 404, as in a Tempo of that target.
        router = new ApiRouter(answersQueries ? all : [.. all.Where(static route => !route.IsQuery)], _options.HttpApiPrefix, requests,
            _time, new QueryGuard(_options.Api, _time), _options.HttpPathPrefix);
        var grpc = new GrpcServer(
            [.. GrpcApi.Methods(node, tenants, _options, limits, _lifecycle, _time)
                .Where(method => answersQueries || method.Path.StartsWith("/grpc.", StringComparison.Ordinal))],
                    new RequestMemory(QueryMemoryBytes, "requests of the query API"), requests, _log, _time)
        {
            MaxSendBytes = _options.Api.MaxGrpcSendBytes,
            IsTraced = true,
        };
        var http = new ListenAddress(_options.HttpListenAddress, _options.HttpListenPort);
        var apiLimits = ApiLimits with { MaxStreams = _options.Api.MaxGrpcStreams };
        await _listeners.OpenAsync("http", http, apiLimits, GrpcApi.OverHttp(grpc, _options.Api.IsGrpcOverHttp, router.HandleAsync),
            _options.HttpTls).ConfigureAwait(false);
        var grpcAddress = new ListenAddress(_options.Api.GrpcListenAddress, _options.Api.GrpcListenPort);
        var peers = PeersOf(node, requests);
        await _listeners.OpenAsync("grpc", grpcAddress,
            GrpcLimits with { MaxStreams = _options.Api.MaxGrpcStreams, TakesPushes = peers is not null }, grpc.HandleAsync,
            _options.GrpcTls, inner => peers?.Before(inner) ?? inner, peers?.Posts).ConfigureAwait(false);
    }

    // Other nodes of the ring come in on the gRPC port.
    private PeerEndpoint? PeersOf(TempoNode node, RequestMetrics requests) =>
        _ring is null
            ? null
            : new PeerEndpoint(node, _ring, new RequestMemory(_options.Node.MaxInflightBytes * 2, "twice distributor.max_inflight_bytes"),
                requests, _log, _time);

    private IReadOnlyList<(string Name, string State)> Services()
    {
        var state = _lifecycle.IsStopping ? "Stopping" : _lifecycle.HasStarted ? "Running" : "Starting";
        var node = _node is null || _lifecycle.IsStopping || _node.IsReady(out var reason) ? state : $"Failed: {reason}";
        var parts = _node?.Services().Select(
            part => (part.Name, part.Error.Length == 0 || _lifecycle.IsStopping ? state : $"Failed: {part.Error}")) ?? [];
        return [("node", node), .. parts, .. _listeners.Names.Select(name => (name, state))];
    }

    // While every listener still answers: the others ask until they know that there is nothing left to ask for.
    private async Task LeaveRingAsync()
    {
        if (_ring is null || _node is null || !_lifecycle.HasStarted) return;
        using var deadline = new CancellationTokenSource(_options.Ring.DrainTimeout, _time);
        await _ring.LeaveAsync(_node, deadline.Token).ConfigureAwait(false);
    }

    // Receivers first (they are last in the list), so that /ready can still be asked while they finish.
    private async Task StopAsync()
    {
        await LeaveRingAsync().ConfigureAwait(false);
        if (_ownTraces is not null) await _ownTraces.DisposeAsync().ConfigureAwait(false); // they may go to this process
        using var deadline = new CancellationTokenSource(_options.GracefulShutdownTimeout, _time);
        await _listeners.StopAsync(deadline.Token).ConfigureAwait(false);
        if (_receivers is not null) await _receivers.DisposeAsync().ConfigureAwait(false);
        if (_forwarders is not null) await _forwarders.DisposeAsync().ConfigureAwait(false);
        if (_node is not null) await _node.DisposeAsync().ConfigureAwait(false);
        if (_ring is not null) await _ring.DisposeAsync().ConfigureAwait(false);
        if (_userOverrides is not null) await _userOverrides.DisposeAsync().ConfigureAwait(false);
        if (_reloader is not null) await _reloader.DisposeAsync().ConfigureAwait(false);
        _log.Info("Tempo stopped");
    }
}
