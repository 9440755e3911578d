using System.Collections.Concurrent;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.ObjectStore;

namespace Tempo.Host.Overrides;

/// <summary>
/// The limits that tenants set through the API: one object <c>&lt;tenant&gt;/overrides.json</c> each, in a store of their own, read
/// at the start and again now and then. An object that cannot be read leaves what the tenant had, is logged and counted.
/// </summary>
internal sealed class UserOverrides : IAsyncDisposable
{
    private const string ObjectName = "overrides.json";
    private const int MaxDocumentBytes = 1 << 20;

    private readonly IObjectStore _store;
    private readonly TenantOverrides _overrides;
    private readonly Log _log;
    private readonly CounterFamily _failures;
    private readonly ConcurrentDictionary<string, UserOverridesDocument> _documents = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _changing = new(1);
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    private UserOverrides(IObjectStore store, TenantOverrides overrides, MetricRegistry metrics, Log log)
    {
        (_store, _overrides, _log) = (store, overrides, log);
        _failures = metrics.Counter("tempo_overrides_user_configurable_overrides_reload_failed_total",
            "Reads of the limits that tenants set themselves which failed.");
    }

    /// <summary>Reads what is there and starts to look again every <paramref name="pollInterval"/>.</summary>
    public static async Task<UserOverrides> StartAsync(
        IObjectStore store, TenantOverrides overrides, TimeSpan pollInterval, MetricRegistry metrics, Log log, TimeProvider time)
    {
        var user = new UserOverrides(store, overrides, metrics, log);
        await user.ReloadAsync(CancellationToken.None).ConfigureAwait(false);
        user._running = user.RunAsync(pollInterval, time);
        return user;
    }

    /// <summary>What the tenant has set; null: nothing.</summary>
    public UserOverridesDocument? Find(TenantId tenant) => _documents.GetValueOrDefault(tenant.Value);

    /// <summary>Sets or, with null, forgets; it holds when this returns.</summary>
    public async Task SetAsync(TenantId tenant, UserOverridesDocument? document, CancellationToken cancellation)
    {
        await _changing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var key = ObjectKey.Root.Append(tenant.Value).Append(ObjectName);
            if (document is null) await _store.DeleteAsync(key, cancellation).ConfigureAwait(false);
            else await _store.PutAsync(key, document.ToJson(), cancellation).ConfigureAwait(false);
            if (document is null) _documents.TryRemove(tenant.Value, out _);
            else _documents[tenant.Value] = document;
            Publish();
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Looks at the store now.</summary>
    internal async Task ReloadAsync(CancellationToken cancellation)
    {
        await _changing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            await foreach (var entry in _store.ListAsync(ObjectKey.Root, ListScope.Children, cancellation).ConfigureAwait(false))
            {
                var name = entry.Key.ToString();
                if (!entry.IsFolder || !TenantId.TryParse(name, out _, out _)) continue;
                seen.Add(name);
                await ReadAsync(name, entry.Key.Append(ObjectName), cancellation).ConfigureAwait(false);
            }

            foreach (var gone in _documents.Keys.Where(name => !seen.Contains(name))) _documents.TryRemove(gone, out _);
            Publish();
        }
        catch (ObjectStoreException e)
        {
            Fail("*", e.Message);
        }
        finally
        {
            _changing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
        _changing.Dispose();
    }

    private async Task ReadAsync(string tenant, ObjectKey key, CancellationToken cancellation)
    {
        try
        {
            if (await _store.TryGetAsync(key, MaxDocumentBytes, cancellation).ConfigureAwait(false) is not { } bytes)
                _documents.TryRemove(tenant, out _);
            else if (UserOverridesDocument.Parse(bytes, out var error, static _ => true) is { } document)
                _documents[tenant] = document;
            else
                Fail(tenant, error);
        }
        catch (ObjectStoreException e)
        {
            Fail(tenant, e.Message);
        }
    }

    private void Publish() => _overrides.ReplaceUser(
        _documents.ToDictionary(static d => d.Key, static d => (Func<TenantLimits, TenantLimits>)d.Value.ApplyTo, StringComparer.Ordinal));

    private void Fail(string tenant, string error)
    {
        _failures.Add();
        _log.Error("user-configurable overrides not read, the last good ones stay", ("tenant", tenant), ("err", error));
    }

    private async Task RunAsync(TimeSpan interval, TimeProvider time)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
                await ReloadAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The process stops.
        }
    }
}
