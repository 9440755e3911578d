using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Keeps <see cref="DeletedTraces"/> as the object <c>deleted-traces.json</c> in the tenant's folder, beside the blocks; Tempo
/// does not look at it.
/// </summary>
public sealed class DeletedTracesStore(IObjectStore objects)
{
    private const string Name = "deleted-traces.json";

    // Somebody gets through at each round, so this many writers at once are served.
    private const int MaxAttempts = 64;

    /// <summary>
    /// What all tenants have deleted. <paramref name="onDamage"/> hears of tenants whose object cannot be understood, and why: to go
    /// on without it would show what they deleted. Throws <see cref="ObjectStoreException"/>.
    /// </summary>
    public async Task<Dictionary<TenantId, DeletedTraces>> LoadAsync(Action<TenantId, string> onDamage, CancellationToken cancellation)
    {
        var all = new Dictionary<TenantId, DeletedTraces>();
        await foreach (var folder in objects.ListAsync(ObjectKey.Root, ListScope.Children, cancellation).ConfigureAwait(false))
        {
            if (!folder.IsFolder || !TenantId.TryParse(folder.Key.LastPart, out var tenant, out _)) continue;
            var (deleted, error) = await TryLoadAsync(tenant, cancellation).ConfigureAwait(false);
            if (deleted is null) onDamage(tenant, error);
            else if (deleted.Count > 0) all.Add(tenant, deleted);
        }

        return all;
    }

    /// <summary>
    /// What the tenant has deleted. Throws <see cref="ObjectStoreException"/>, also for an object that cannot be understood.
    /// </summary>
    public async Task<DeletedTraces> LoadAsync(TenantId tenant, CancellationToken cancellation)
    {
        var (deleted, error) = await TryLoadAsync(tenant, cancellation).ConfigureAwait(false);
        return deleted ?? throw new ObjectStoreException(ObjectStoreError.Failed, KeyOf(tenant), error);
    }

    /// <summary>
    /// What the tenant has deleted, or null and what is wrong with this object alone. Throws <see cref="ObjectStoreException"/> for
    /// what asking again may mend.
    /// </summary>
    public async Task<(DeletedTraces? Deleted, string Error)> TryLoadAsync(TenantId tenant, CancellationToken cancellation)
    {
        try
        {
            if (await objects.TryGetAsync(KeyOf(tenant), DeletedTraces.MaxJsonBytes, cancellation).ConfigureAwait(false) is not { } json)
                return (DeletedTraces.None, "");
            return DeletedTraces.TryParse(json, out var deleted, out var error) ? (deleted, "") : (null, error);
        }
        catch (ObjectStoreException e) when (e.Error is ObjectStoreError.TooLarge or ObjectStoreError.AccessDenied)
        {
            return (null, e.Message);
        }
    }

    /// <summary>Is it the object of a tenant's deleted traces, and of which?</summary>
    public static bool TryParseKey(ObjectKey key, out TenantId tenant)
    {
        tenant = default;
        return key.ToString().Split('/') is [var folder, Name] && TenantId.TryParse(folder, out tenant, out _);
    }

    /// <summary>
    /// Changes what is stored, whoever else does so at the same time: <paramref name="change"/> is given what is there, once more for each
    /// time that another writer was quicker. What it made is returned, and durable. Throws <see cref="ObjectStoreException"/>, also
    /// for an object that cannot be understood, which stays as it is; what <paramref name="change"/> throws ends it, too.
    /// </summary>
    public async Task<DeletedTraces> ChangeAsync(TenantId tenant, Func<DeletedTraces, DeletedTraces> change, CancellationToken cancellation)
    {
        var key = KeyOf(tenant);
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            var json = await objects.TryGetAsync(key, DeletedTraces.MaxJsonBytes, cancellation).ConfigureAwait(false);
            var (known, error) = (DeletedTraces.None, "");
            if (json is not null && !DeletedTraces.TryParse(json, out known, out error))
                throw new ObjectStoreException(ObjectStoreError.Failed, key, error);
            var changed = change(known);
            if (changed.IsSameAs(known)) return known;
            // An empty list is stored as one: a deletion with a condition is more than all services know.
            var isDone = json is null
                ? await objects.TryPutIfAbsentAsync(key, changed.ToJson(), cancellation).ConfigureAwait(false)
                : await objects.TryReplaceAsync(key, json, changed.ToJson(), cancellation).ConfigureAwait(false);
            if (isDone) return changed;
        }

        throw new ObjectStoreException(ObjectStoreError.Failed, key,
            $"others have changed it {MaxAttempts} times, each time before this change was stored; try again");
    }

    private static ObjectKey KeyOf(TenantId tenant) => BlockObjects.Folder(tenant).Append(Name);
}
