using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Host.Config;

namespace Tempo.Host.Overrides;

/// <summary>
/// Reads the overrides file at the start, and again whenever it has changed. A file that cannot be read, or is wrong, leaves the
/// limits as they were, with a line in the log and a metric; at the start it is an error.
/// </summary>
internal sealed class OverridesReloader : IAsyncDisposable
{
    private readonly HostOptions _options;
    private readonly TenantOverrides _overrides;
    private readonly Log _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Counter _isSuccessful;
    private Task _running = Task.CompletedTask;
    private string _lastError = "";
    private string _lastText = "";

    private OverridesReloader(HostOptions options, TenantOverrides overrides, MetricRegistry metrics, Log log)
    {
        _options = options;
        _overrides = overrides;
        _log = log;
        _isSuccessful = metrics.Gauge("tempo_runtime_config_last_reload_successful",
            "Whether the last look at the overrides file went well.", "config").With("overrides");
    }

    /// <summary>Starts; without a file there is nothing to do.</summary>
    /// <exception cref="ConfigException">The file cannot be used.</exception>
    public static OverridesReloader Start(
        HostOptions options, TenantOverrides overrides, MetricRegistry metrics, Log log, TimeProvider time)
    {
        RegisterLimits(overrides, metrics);
        var reloader = new OverridesReloader(options, overrides, metrics, log);
        if (options.OverridesFile.Length == 0) return reloader;
        reloader._lastText = OverridesFile.ReadText(options);
        overrides.ReplaceFile(OverridesFile.Parse(options.OverridesFile, reloader._lastText, options.AreLegacyOverridesEnabled));
        reloader._isSuccessful.Set(1);
        reloader._running = reloader.RunAsync(time);
        return reloader;
    }

    /// <summary>Looks at the file now.</summary>
    internal void Reload()
    {
        try
        {
            var text = OverridesFile.ReadText(_options);
            // The same text says the same, and reading it compiles the patterns of every tenant.
            if (text == _lastText && _lastError.Length == 0) return;
            _overrides.ReplaceFile(OverridesFile.Parse(_options.OverridesFile, text, _options.AreLegacyOverridesEnabled));
            _lastText = text;
            _isSuccessful.Set(1);
            _lastError = "";
        }
        catch (ConfigException e)
        {
            _isSuccessful.Set(0);
            if (e.Message != _lastError) _log.Error("failed to load config", ("config", "overrides"), ("err", e.Message));
            _lastError = e.Message;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    // A file of at most 10 MiB is read whole each time: modification times are not to be trusted where a link is swapped.
    private async Task RunAsync(TimeProvider time)
    {
        using var timer = new PeriodicTimer(_options.OverridesPeriod, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false)) Reload();
        }
        catch (OperationCanceledException)
        {
            // The process stops.
        }
    }

    private static void RegisterLimits(TenantOverrides overrides, MetricRegistry metrics)
    {
        metrics.Gauge("tempo_limits_defaults", "Default limits.", ["limit_name"],
            () => Shown(overrides.Defaults).Select(static l => (new[] { l.Name }, l.Value)));
        metrics.Gauge("tempo_limits_overrides", "Limits of the overrides file, by tenant.", ["limit_name", "user"], () =>
            from entry in overrides.File
            from limit in Shown(entry.Value)
            orderby limit.Name, entry.Key
            select (new[] { limit.Name, entry.Key }, limit.Value));
    }

    private static (string Name, double Value)[] Shown(TenantLimits limits) =>
    [
        ("block_retention", limits.Compaction.BlockRetention.TotalSeconds),
        ("ingestion_burst_size_bytes", limits.Ingestion.BurstSizeBytes),
        ("ingestion_rate_limit_bytes", limits.Ingestion.RateLimitBytes),
        ("max_blocks_per_tag_values_query", limits.Read.MaxBlocksPerTagValuesQuery),
        ("max_bytes_per_tag_values_query", limits.Read.MaxBytesPerTagValuesQuery),
        ("max_bytes_per_trace", limits.Global.MaxBytesPerTrace),
        ("max_global_traces_per_user", limits.Ingestion.MaxGlobalTracesPerUser),
        ("max_local_traces_per_user", limits.Ingestion.MaxTracesPerUser),
    ];
}
