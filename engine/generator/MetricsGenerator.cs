using System.Buffers;
using System.Collections.Concurrent;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Exposition;
using Tempo.Engine.Generator.RemoteWrite;

namespace Tempo.Engine.Generator;

/// <summary>The folder of the queues cannot be used, or a target's files cannot.</summary>
public sealed class GeneratorStartException(string message) : Exception(message);

/// <summary>
/// Metrics from the spans of all tenants:
/// <code>
/// Add        request bytes → TenantGenerator: series in memory
/// every collection interval of a tenant:
///   settings   those of another object: the series that they shape otherwise end, and begin anew
///   collect    series → batches → the tenant's queue on disk
///   commit     one sync; senders take it from there, one a target
/// </code>
/// Counters live in memory: after a crash they begin at zero again, which Prometheus takes for what it is, and what was
/// counted since the last collection is lost. A tenant whose settings have no processor costs nothing. One that has sent
/// nothing for an hour, has no series left and nothing to send is let go, with its metrics. Thread safe.
/// </summary>
public sealed class MetricsGenerator : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly GeneratorOptions _options;
    private readonly Func<TenantId, GeneratorSettings> _settingsOf;
    private readonly GeneratorServices _services;
    private readonly RemoteWriteClient[] _clients;
    private readonly IDisposable? _folderLock;
    private readonly ConcurrentDictionary<TenantId, TenantState> _tenants = new();
    private readonly Action<TenantId> _onGone;

    // Held while a tenant comes or goes, so that no two of it work on one queue.
    private readonly Lock _changing = new();
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _collecting;
    private volatile string _loopError = "";
    private int _disposed;

    private MetricsGenerator(
        GeneratorOptions options, Func<TenantId, GeneratorSettings> settingsOf, Action<TenantId> onGone, GeneratorServices services,
        RemoteWriteClient[] clients, IDisposable? folderLock, TaskCreationOptions longWork)
    {
        (_options, _settingsOf, _onGone, _services, _clients, _folderLock) = (options, settingsOf, onGone, services, clients, folderLock);
        if (clients.Length > 0) ResumeQueues();
        _collecting = RunAsync(longWork, _stop.Token);
    }

    /// <summary>
    /// Starts. <paramref name="settingsOf"/> gives a tenant's settings: the same object as long as they are the same; it is asked
    /// for each collection and must not be slow. Throws <see cref="GeneratorStartException"/>.
    /// </summary>
    /// <param name="disk">Root: <see cref="GeneratorOptions.StoragePath"/>. Not used without a target.</param>
    /// <param name="nextRandom">From [0, 1); spreads the pauses of senders.</param>
    /// <param name="onGone">Hears of a tenant that was let go.</param>
    /// <param name="longWork">How a round of collections is begun: on a thread of its own.</param>
    public static MetricsGenerator Start(
        GeneratorOptions options, Func<TenantId, GeneratorSettings> settingsOf, IDisk disk, MetricRegistry metrics, Log log,
        TimeProvider time, Func<double> nextRandom,
        Action<TenantId>? onGone = null, TaskCreationOptions longWork = TaskCreationOptions.LongRunning)
    {
        IDisposable? folderLock = null;
        if (options.RemoteWrite.Count > 0)
        {
            var error = disk.TryCreateFolder(TenantRemoteWrite.QueuesFolder);
            if (error == DiskError.None) error = disk.TryLock("lock", out folderLock);
            if (error != DiskError.None)
                throw new GeneratorStartException(
                    $"metrics_generator.storage.path {options.StoragePath}: {(error == DiskError.Busy ? "another process uses it" : error)}");
        }

        var remote = new SenderServices(new RemoteWriteMetrics(metrics), log, time, nextRandom);
        var services = new GeneratorServices(disk, new GeneratorMetrics(metrics), remote, log, time);
        return new MetricsGenerator(
            options, settingsOf, onGone ?? (static _ => { }), services, Clients(options, time, folderLock), folderLock, longWork);
    }

    /// <summary>Why series are not where they should be by now; empty if they are.</summary>
    public string LastError =>
        _loopError.Length > 0
            ? _loopError
            : _tenants.Values.Select(static tenant => tenant.LastError).FirstOrDefault(static error => error.Length > 0) ?? "";

    /// <summary>
    /// Counts the spans of a request that is durable. Costs nothing for a tenant without processors. Never throws: the request is
    /// stored, and stays so, whatever becomes of its metrics.
    /// </summary>
    public void Add(TenantId tenant, ReadOnlySpan<byte> request)
    {
        try
        {
            // One that is let go at this moment has left the table when its place can be had.
            while (!StateOf(tenant).TryAdd(request)) { }
        }
        catch (Exception e)
        {
            _services.Metrics.PushesFailed.With(_options.InstanceId).Add();
            _loopError = $"tenant {tenant.Value}: {e.Message}";
            _services.Log.Error("metrics generator: the spans of a request could not be counted", ("tenant", tenant.Value), ("err", e));
        }
    }

    /// <summary>Tenants that something is kept of.</summary>
    public int TenantCount => _tenants.Count;

    /// <summary>Collects all tenants now, whether they are due or not.</summary>
    public Task CollectAsync(CancellationToken cancellation) => CollectAsync(all: true, cancellation);

    /// <summary>
    /// A tenant's series as a page for scraping, as they are now: OpenMetrics or the text format. False if the tenant has no
    /// processors, or has sent nothing: who asks for a tenant does not make it one.
    /// </summary>
    public bool TryWriteExposition(TenantId tenant, bool isOpenMetrics, IBufferWriter<byte> output)
    {
        if (!_tenants.TryGetValue(tenant, out var state) || state.Generator is not { } generator) return false;
        var writer = new ExpositionWriter(output, isOpenMetrics, generator.Settings.TraceIdLabelName);
        generator.Look(writer.BeginMetric, writer);
        writer.End();
        return true;
    }

    /// <summary>The page of a tenant without series.</summary>
    public static void WriteEmptyExposition(bool isOpenMetrics, IBufferWriter<byte> output) =>
        new ExpositionWriter(output, isOpenMetrics, "").End();

    /// <summary>Collects a last time, sends what can be sent within the flush deadline, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _collecting.ConfigureAwait(false);
        await CollectAsync(CancellationToken.None).ConfigureAwait(false);
        await Task.WhenAll(_tenants.Values.Select(static tenant => tenant.DisposeAsync().AsTask())).ConfigureAwait(false);
        foreach (var client in _clients) client.Dispose();
        _folderLock?.Dispose();
        _one.Dispose();
        _stop.Dispose();
    }

    private static RemoteWriteClient[] Clients(GeneratorOptions options, TimeProvider time, IDisposable? folderLock)
    {
        try
        {
            return [.. options.RemoteWrite.Select(target => new RemoteWriteClient(target, time))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            folderLock?.Dispose();
            throw new GeneratorStartException($"metrics_generator.storage.remote_write: tls_config: {e.Message}");
        }
    }

    private TenantState StateOf(TenantId tenant)
    {
        if (_tenants.TryGetValue(tenant, out var state)) return state;
        lock (_changing)
            return _tenants.GetOrAdd(
                tenant, static (id, self) => new TenantState(id, self._options, self._settingsOf, self._services, self._clients), this);
    }

    private void LetGo(TenantId tenant, TenantState state)
    {
        lock (_changing)
        {
            if (!state.TryRetire()) return;
            _tenants.TryRemove(tenant, out _);
            // Its senders have nothing to do: this takes a moment, on the collections' own thread.
            state.DisposeAsync().AsTask().GetAwaiter().GetResult();
            _services.Metrics.Forget(tenant);
            _services.Remote.Metrics.Forget(tenant);
            _onGone(tenant);
        }
    }

    // What an earlier process did not get sent is sent whether its tenants come again or not.
    private void ResumeQueues()
    {
        if (_services.Disk.TryList(TenantRemoteWrite.QueuesFolder, out var names) != DiskError.None) return;
        foreach (var name in names)
            if (TenantId.TryParse(name, out var tenant, out _)) StateOf(tenant).OpenQueue();
    }

    private async Task RunAsync(TaskCreationOptions longWork, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Tick, _services.Time, cancellation).ConfigureAwait(false);
#pragma warning disable RS0030 // encoding takes its time: on a thread of its own it keeps none from the requests
                await Task.Factory.StartNew(() => CollectAsync(all: false, cancellation), cancellation, longWork, TaskScheduler.Default)
                    .Unwrap().ConfigureAwait(false);
#pragma warning restore RS0030
                _loopError = "";
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // What a tenant's collection throws is its own; this is the loop's, which goes on.
                _loopError = e.Message;
                _services.Log.Error("metrics generator: a round of collections failed", ("err", e));
            }
        }
    }

    private async Task CollectAsync(bool all, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            foreach (var (id, tenant) in _tenants)
            {
                tenant.Collect(all);
                if (!all && tenant.IsSilent) LetGo(id, tenant);
            }
        }
        finally
        {
            _one.Release();
        }
    }
}

/// <summary>What a tenant's state needs of the process.</summary>
internal sealed record GeneratorServices(IDisk Disk, GeneratorMetrics Metrics, SenderServices Remote, Log Log, TimeProvider Time);
