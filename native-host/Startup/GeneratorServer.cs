using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Authentication;
using Tempo.Host.Config;
using Tempo.Host.Http;
using Tempo.Host.Overrides;
using Tempo.Host.Receivers;
using Tempo.Host.Telemetry;
using Tempo.Host.Tenancy;
using Tempo.Ring;

namespace Tempo.Host.Startup;

/// <summary>
/// The process of <c>-target=metrics-generator</c>: the receivers, and behind them nothing but metrics from spans. It has no log, no
/// blocks and no query API; a collector or a forwarder sends it what it sends to a Tempo, too. Started in this order, stopped in the
/// opposite one.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "StopAsync disposes what StartAsync has made, in the opposite order.")]
internal sealed class GeneratorServer
{
    /// <summary>What a configuration of Tempo calls it. There are no local blocks in either.</summary>
    public static readonly string[] Targets = ["metrics-generator", "metrics-generator-no-local-blocks"];

    private static readonly ListenerLimits ApiLimits = new(MaxBodyBytes: 1 << 20, MaxRequestLineBytes: 8 * 1024, IsHttp2Only: false);

    private readonly HostOptions _options;
    private readonly Lifecycle _lifecycle;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly MetricRegistry _metrics = new();
    private readonly Listeners _listeners;
    private OverridesReloader? _reloader;
    private UserOverrides? _userOverrides;
    private GeneratorNode? _node;
    private ReceiverServers? _receivers;

    private GeneratorServer(HostOptions options, Lifecycle lifecycle, Log log, TimeProvider time) =>
        (_options, _lifecycle, _log, _time, _listeners) = (options, lifecycle, log, time,
            new Listeners(new ListenerAuthentication(options.Authentication, _metrics, log, time), log, time));

    /// <summary>As <see cref="TempoServer.RunAsync"/>.</summary>
    public static Task RunAsync(HostOptions options, Lifecycle lifecycle, Log log, TimeProvider time)
    {
        var server = new GeneratorServer(options, lifecycle, log, time);
        return lifecycle.RunAsync(server.StartAsync, server.StopAsync, options.ShutdownDelay, log, time);
    }

    private async Task StartAsync()
    {
        ProcessMetrics.Register(_metrics);
        var overrides = new TenantOverrides(_options.Limits);
        _reloader = OverridesReloader.Start(_options, overrides, _metrics, _log, _time);
        _userOverrides = await UserOverridesStart.StartAsync(_options, overrides, _metrics, _log, _time).ConfigureAwait(false);
        _node = GeneratorNode.Start(
            _options.Node with { Overrides = overrides, Generator = GeneratorStart.OptionsOf(_options) }, _metrics, _log, _time);
        var tenants = new TenantResolver(_options.MultitenancyEnabled, _options.Api.AreTenantSetsAllowed);
        var requests = new RequestMetrics(_metrics);
        var api = new ListenAddress(_options.HttpListenAddress, _options.HttpListenPort);
        await _listeners.OpenAsync("http", api, ApiLimits, Routes(_node, tenants, overrides, requests).HandleAsync, _options.HttpTls)
            .ConfigureAwait(false);
        _receivers = new ReceiverServers(_listeners, new IngestRouter(_node.IngestAsync), tenants, requests, _metrics, _log, _time);
        await _receivers.StartAsync(_options).ConfigureAwait(false);
        _lifecycle.ReportStarted();
        StartupPages.GiveBack();
        _log.Info("Tempo started", ("version", BuildInfo.Version), ("target", _options.Target));
    }

    private ApiRouter Routes(GeneratorNode node, TenantResolver tenants, TenantOverrides overrides, RequestMetrics requests)
    {
        var status = new StatusOverridesEndpoint(overrides);
        ApiRouter router = null!;
        router = new ApiRouter(
            [
                ReadyEndpoint.Route(_lifecycle, static () => ""),
                MetricsEndpoint.Route(_metrics),
                GeneratedMetricsEndpoint.Route(node.TryWriteGeneratedMetrics, tenants),
                EchoEndpoint.Route(),
                BuildInfoEndpoint.Route(),
                .. new StatusEndpoint(_options, () => Services(node), () => router.Routes, status.RuntimeConfig).Routes(),
                .. status.Routes(),
                ShutdownEndpoint.Route(_lifecycle),
            ], _options.HttpApiPrefix, requests, _time, pathPrefix: _options.HttpPathPrefix);
        return router;
    }

    private IReadOnlyList<(string Name, string State)> Services(GeneratorNode node)
    {
        var state = _lifecycle.IsStopping ? "Stopping" : _lifecycle.HasStarted ? "Running" : "Starting";
        return [("metrics-generator", node.LastError is { Length: > 0 } error ? $"Failed: {error}" : state),
            .. _listeners.Names.Select(name => (name, state))];
    }

    // Receivers first, so that nothing comes in behind the last collection.
    private async Task StopAsync()
    {
        using var deadline = new CancellationTokenSource(_options.GracefulShutdownTimeout, _time);
        await _listeners.StopAsync(deadline.Token).ConfigureAwait(false);
        if (_receivers is not null) await _receivers.DisposeAsync().ConfigureAwait(false);
        if (_node is not null) await _node.DisposeAsync().ConfigureAwait(false);
        if (_userOverrides is not null) await _userOverrides.DisposeAsync().ConfigureAwait(false);
        if (_reloader is not null) await _reloader.DisposeAsync().ConfigureAwait(false);
        _log.Info("Tempo stopped");
    }
}
