using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.RemoteWrite;
using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator;

/// <summary>
/// A tenant in the generator: its series, its queue, and the clock of its collections. <see cref="TryAdd"/> and
/// <see cref="Generator"/> from any thread; the rest is called by one at a time.
/// </summary>
internal sealed partial class TenantState : IAsyncDisposable
{
    private const string InstanceLabel = "__metrics_gen_instance", OrgIdHeader = "X-Scope-OrgID";
    private const int Retired = int.MinValue / 2;
    private static readonly TimeSpan Silent = TimeSpan.FromHours(1);
    private const long SecondMs = 1000, MinuteMs = 60 * SecondMs;

    private readonly TenantId _tenant;
    private readonly GeneratorOptions _options;
    private readonly Func<TenantId, GeneratorSettings> _settingsOf;
    private readonly GeneratorServices _services;
    private readonly RemoteWriteClient[] _clients;
    private readonly Counter _pushes;
    private volatile TenantGenerator? _generator;
    private SeriesEncoder? _encoder;
    private TenantRemoteWrite? _remote;
    private GeneratorCounts _shown;
    private readonly Dictionary<string, long> _shownLabels = [];
    private long _lastCollection;
    private long _lastUnixMs;

    // Of the last collection of all series: exemplars from before it were sent.
    private long _exemplarsUnixMs;

    // No sample of a series that may have been there before is older than this.
    private long _endedUnixMs;
    private bool _lost;

    // Each until what it tells of has gone well once.
    private volatile string _queueError = "";
    private volatile string _collectionError = "";
    private volatile string _countError = "";
    private volatile bool _hasNewCountError;

    // Requests that are being counted; far below zero once the tenant is let go.
    private int _users;
    private long _usedAt;

    public TenantState(
        TenantId tenant, GeneratorOptions options, Func<TenantId, GeneratorSettings> settingsOf, GeneratorServices services,
        RemoteWriteClient[] clients)
    {
        (_tenant, _options, _settingsOf, _services, _clients) = (tenant, options, settingsOf, services, clients);
        _pushes = services.Metrics.Pushes.With(options.InstanceId);
        _lastCollection = _usedAt = services.Time.GetTimestamp();
        Change(settingsOf(tenant));
    }

    /// <summary>Null while the tenant has no processors.</summary>
    public TenantGenerator? Generator => _generator;

    /// <summary>What is wrong, until it is mended; empty if nothing is.</summary>
    public string LastError =>
        new[] { _settingsError, _queueError, _collectionError, _countError,
            _remote?.LastError ?? "" }.FirstOrDefault(static error => error.Length > 0) ?? "";

    /// <summary>It has sent nothing for an hour, has no series, and all there was has been sent.</summary>
    public bool IsSilent =>
        _services.Time.GetElapsedTime(Volatile.Read(ref _usedAt)) >= Silent && _generator?.Counts().ActiveSeries is null or 0
            && _remote?.Queue.IsEmpty != false;

    /// <summary>
    /// False if the tenant was let go; never throws: the request is stored, and stays so, whatever becomes of its metrics.
    /// </summary>
    public bool TryAdd(ReadOnlySpan<byte> request)
    {
        try
        {
            if (Interlocked.Increment(ref _users) < 0) return false;
            Volatile.Write(ref _usedAt, _services.Time.GetTimestamp());
            if (_generator is { } generator && generator.Add(request, UnixMs())) _pushes.Add();
        }
        catch (Exception e)
        {
            _services.Metrics.PushesFailed.With(_options.InstanceId).Add();
            _countError = Fail("metrics generator: the spans of a request could not be counted", e);
            _hasNewCountError = true;
        }
        finally
        {
            Interlocked.Decrement(ref _users);
        }

        return true;
    }

    /// <summary>Lets no request in any more, if none is in and none came meanwhile; then it is to be disposed.</summary>
    public bool TryRetire()
    {
        if (Interlocked.CompareExchange(ref _users, Retired, 0) != 0) return false;
        if (IsSilent) return true;
        Interlocked.Add(ref _users, -Retired);
        return false;
    }

    /// <summary>Collects if it is time, or in any case; then shows the self metrics.</summary>
    public void Collect(bool now)
    {
        try
        {
            Change(_settingsOf(_tenant));
            if (now || _services.Time.GetElapsedTime(_lastCollection) >= _settings.CollectionInterval) CollectSeries();
            Show(_generator);
        }
        catch (Exception e)
        {
            // The other tenants go on, and the next collection tries again.
            CountFailure("internal");
            _collectionError = Fail("metrics generator: a collection failed", e);
        }
    }

    /// <summary>Opens the queue, so that what is in it is sent; does nothing if it is open or there are no targets.</summary>
    public void OpenQueue()
    {
        if (_remote is not null || _clients.Length == 0) return;
        _remote = TenantRemoteWrite.Open(
            _tenant, _services.Disk, _options.Queue, _options.RemoteWrite, _clients, HeadersFor, _services.Remote, out var error);
        var before = _queueError;
        _queueError = _remote is null ? $"tenant {_tenant.Value}: the queue cannot be opened: {error}" : "";
        if (_remote is null)
        {
            _services.Metrics.RemoteWriteUpdatesFailed.With(_tenant.Value).Add();
            if (_queueError != before)
                _services.Log.Error("metrics generator: the queue cannot be opened", ("tenant", _tenant.Value), ("err", error));
            return;
        }

        _endedUnixMs = Math.Max(_endedUnixMs, _remote.Queue.LastUnixMs);
        _lastUnixMs = Math.Max(_lastUnixMs, _remote.Queue.LastUnixMs);
    }

    /// <summary>Sends what can be sent within the flush deadline, and closes the queue.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_remote is not null)
        {
            await _remote.DrainAsync(_options.RemoteWriteFlushDeadline, _services.Time).ConfigureAwait(false);
            await _remote.DisposeAsync().ConfigureAwait(false);
        }

        _encoder?.Dispose();
    }

    private string Fail(string what, Exception e)
    {
        _services.Log.Error(what, ("tenant", _tenant.Value), ("err", e));
        return $"tenant {_tenant.Value}: {e.GetType().Name}: {e.Message}";
    }

    private void CountFailure(string type) => _services.Metrics.CollectionsFailed.With(_tenant.Value, type).Add();

    private void CollectSeries()
    {
        _lastCollection = _services.Time.GetTimestamp();
        if (_generator is { } generator)
        {
            CollectSeries(generator, generator.Processors, endAll: false);
            _exemplarsUnixMs = _lastUnixMs;
        }

        if (!_hasNewCountError) _countError = "";
        _hasNewCountError = false;
    }

    private void CollectSeries(TenantGenerator generator, ISpanProcessor[] processors, bool endAll)
    {
        if (_encoder is null || _settings.DisableCollection)
        {
            // Without a target series still age.
            generator.Collect(processors, UnixMs(), endAll, NoVisitor.Instance, static () => { });
            _services.Metrics.Collections.With(_tenant.Value).Add();
            return;
        }

        OpenQueue();
        // Two steps on, should the clock have gone back: between the last collection and this one lies the zero of new series.
        var unixMs = Math.Max(UnixMs(), Math.Max(_lastUnixMs, _endedUnixMs) + 2);
        var removedBefore = generator.Counts().SeriesRemoved;
        _encoder.UnixMs = unixMs;
        _encoder.ZeroUnixMs = Math.Max(unixMs - unixMs % MinuteMs - SecondMs, _endedUnixMs + 1);
        _encoder.ExemplarsAfterUnixMs = _exemplarsUnixMs;
        _lost = _remote is null;
        generator.Collect(processors, UnixMs(), endAll, _encoder, _encoder.FlushIfFull);
        _encoder.Flush();
        if (_remote?.Queue.Commit() is { } error && error != DiskError.None) Lose(error);
        _lastUnixMs = unixMs;
        _services.Remote.Metrics.HighestTimestamp.With(_tenant.Value).Set(unixMs / 1000);
        if (endAll || generator.Counts().SeriesRemoved > removedBefore) _endedUnixMs = unixMs;
        _services.Metrics.Collections.With(_tenant.Value).Add();
        if (!_lost) _collectionError = "";
        else CountFailure("queue");
    }

    private void Append(NativeBuffer batch, BatchCounts counts)
    {
        if (_remote is not null && _remote.Queue.Append(batch.Written, counts, _encoder!.UnixMs) is var error && error != DiskError.None)
            Lose(error);
    }

    // The counters are cumulative: the next collection has what this one had, only the points between are missing.
    private void Lose(DiskError error)
    {
        _lost = true;
        _collectionError = $"tenant {_tenant.Value}: the queue cannot be written, a collection is lost: {error}";
        _services.Remote.Metrics.QueueErrors.With(_tenant.Value).Add();
        _services.Log.Error(
            "metrics generator: the queue cannot be written, a collection is lost", ("tenant", _tenant.Value), ("err", error));
    }

    private void Show(TenantGenerator? generator)
    {
        if (_remote is not null) _services.Remote.Metrics.QueueBytes.With(_tenant.Value).Set(_remote.Queue.SizeBytes);
        if (generator is null) return;
        var counts = generator.Counts();
        _services.Metrics.Show(_tenant, _shown, counts);
        _services.Metrics.Show(_tenant, _shownLabels, generator.LabelDemands());
        _services.Metrics.MaxActiveSeries.With(_tenant.Value).Set(_settings.MaxActiveSeries);
        _shown = counts;
    }

    private IEnumerable<KeyValuePair<string, string>> ConstantLabels()
    {
        if (_options.InstanceId.Length > 0) yield return new(InstanceLabel, _options.InstanceId);
        if (_settings.InjectTenantIdAs.Length > 0) yield return new(_settings.InjectTenantIdAs, _tenant.Value);
        foreach (var label in _settings.ExternalLabels) yield return label;
    }

    // A target's own headers go over the tenant's id, and the tenant's own over both.
    private IReadOnlyList<KeyValuePair<string, string>> HeadersFor(RemoteWriteTarget target)
    {
        var isSet = target.Headers.Any(static header => header.Key.Equals(OrgIdHeader, StringComparison.OrdinalIgnoreCase));
        return _options is { IsMultitenant: true, AddOrgIdHeader: true } && !isSet
            ? [new(OrgIdHeader, _tenant.Value), .. _settings.RemoteWriteHeaders]
            : _settings.RemoteWriteHeaders;
    }

    private long UnixMs() => _services.Time.GetUtcNow().ToUnixTimeMilliseconds();
}
