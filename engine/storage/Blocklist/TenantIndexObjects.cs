using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Blocklist;

/// <summary>A tenant's index in an object store, in both its forms.</summary>
public sealed class TenantIndexObjects(IObjectStore objects)
{
    private const string Protobuf = "index.pb.zst";
    private const string Json = "index.json.gz";

    /// <summary>
    /// The index, or null if there is none: index.pb.zst, and only where that is not there, index.json.gz. One that cannot be read
    /// is null, too, and <paramref name="onDamage"/> hears of it.
    /// </summary>
    public async Task<TenantIndex?> TryReadAsync(TenantId tenant, Action<string> onDamage, CancellationToken cancellation)
    {
        TenantIndex? index;
        string error;
        if (await objects.TryGetAsync(Key(tenant, Protobuf), TenantIndex.MaxBytes, cancellation).ConfigureAwait(false) is { } protobuf)
            TenantIndexProtobuf.TryRead(protobuf, out index, out error);
        else if (await objects.TryGetAsync(Key(tenant, Json), TenantIndex.MaxBytes, cancellation).ConfigureAwait(false) is { } json)
            TenantIndexJson.TryRead(json, out index, out error);
        else return null;
        if (error.Length > 0) onDamage($"tenant {tenant}: {error}");
        return index;
    }

    /// <summary>Writes both forms.</summary>
    public async Task WriteAsync(TenantId tenant, TenantIndex index, CancellationToken cancellation)
    {
        Failpoints.Hit(Failpoint.IndexBegun);
        await objects.PutAsync(Key(tenant, Protobuf), TenantIndexProtobuf.Write(index), cancellation).ConfigureAwait(false);
        Failpoints.Hit(Failpoint.IndexHalf);
        await objects.PutAsync(Key(tenant, Json), TenantIndexJson.Write(index), cancellation).ConfigureAwait(false);
        Failpoints.Hit(Failpoint.IndexWritten);
    }

    /// <summary>Of a tenant without blocks there is no index.</summary>
    public async Task DeleteAsync(TenantId tenant, CancellationToken cancellation)
    {
        await objects.DeleteAsync(Key(tenant, Protobuf), cancellation).ConfigureAwait(false);
        await objects.DeleteAsync(Key(tenant, Json), cancellation).ConfigureAwait(false);
    }

    /// <summary>The tenants that have an index.</summary>
    public async Task<List<TenantId>> ListAsync(CancellationToken cancellation)
    {
        var tenants = new List<TenantId>();
        await foreach (var folder in objects.ListAsync(ObjectKey.Root, ListScope.Children, cancellation).ConfigureAwait(false))
        {
            if (!folder.IsFolder || !TenantId.TryParse(folder.Key.LastPart, out var tenant, out _)) continue;
            foreach (var name in (string[])[Protobuf, Json])
            {
                if (await objects.TryGetInfoAsync(Key(tenant, name), cancellation).ConfigureAwait(false) is null) continue;
                tenants.Add(tenant);
                break;
            }
        }

        return tenants;
    }

    private static ObjectKey Key(TenantId tenant, string name) => BlockObjects.Folder(tenant).Append(name);
}
