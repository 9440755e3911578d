using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Blocks whose time is over (storage specification §7): meta.json has become meta.compacted.json, the same object with a
/// <c>compactedTime</c>. They are not listed any more, and deleted later. All steps may be done again.
/// </summary>
public sealed class CompactedBlocks(IObjectStore objects, SteadyClock clock)
{
    /// <summary>
    /// Marks a block compacted: the new object first, so that a crash between leaves a block that is still there. Nothing
    /// happens to a block that has no meta.json; one whose meta.json is damaged has to go like any other.
    /// </summary>
    /// <param name="known">What meta.json said when it could be read, for one that cannot be any more; null if nobody knows.</param>
    public async Task MarkAsync(TenantId tenant, BlockId id, CancellationToken cancellation, BlockMeta? known = null)
    {
        var metaKey = BlockObjects.Key(tenant, id, BlockObjects.Meta);
        byte[]? meta;
        try
        {
            meta = await objects.TryGetAsync(metaKey, BlockMeta.MaxJsonBytes, cancellation).ConfigureAwait(false);
            if (meta is null) return;
        }
        catch (ObjectStoreException e) when (e.Error == ObjectStoreError.TooLarge)
        {
            meta = [];
        }

        var time = clock.UtcNow;
        await objects.PutAsync(BlockObjects.Key(tenant, id, BlockObjects.CompactedMeta),
            TryAddTime(meta, time) ?? Write(tenant, id, known, time), cancellation).ConfigureAwait(false);
        Failpoints.Hit(Failpoint.CompactionMarked);
        await objects.DeleteAsync(metaKey, cancellation).ConfigureAwait(false);
        Failpoints.Hit(Failpoint.CompactionRetired);
    }

    /// <summary>
    /// Since when the block is compacted: the later of what it says and of the object's own time. Null if it is not.
    /// </summary>
    public async Task<DateTimeOffset?> TryGetTimeAsync(TenantId tenant, BlockId id, CancellationToken cancellation)
    {
        var key = BlockObjects.Key(tenant, id, BlockObjects.CompactedMeta);
        if (await objects.TryGetInfoAsync(key, cancellation).ConfigureAwait(false) is not { } info) return null;
        var meta = await objects.TryGetAsync(key, BlockMeta.MaxJsonBytes, cancellation).ConfigureAwait(false);
        return meta is not null && TryReadTime(meta, out var time) && time > info.LastModified ? time : info.LastModified;
    }

    /// <summary>A tenant's blocks that are compacted and not deleted yet, by id; those whose meta cannot be read are left out.</summary>
    public async Task<List<CompactedBlock>> ListAsync(TenantId tenant, CancellationToken cancellation)
    {
        var blocks = new List<CompactedBlock>();
        await foreach (var entry in objects.ListAsync(BlockObjects.Folder(tenant), ListScope.Children, cancellation).ConfigureAwait(false))
        {
            if (!entry.IsFolder || !BlockId.TryParse(entry.Key.LastPart, out var id)) continue;
            var key = BlockObjects.Key(tenant, id, BlockObjects.CompactedMeta);
            if (await objects.TryGetInfoAsync(key, cancellation).ConfigureAwait(false) is not { } info) continue;
            var json = await objects.TryGetAsync(key, BlockMeta.MaxJsonBytes, cancellation).ConfigureAwait(false);
            if (json is null || !BlockMeta.TryParse(json, out var meta, out _)) continue;
            blocks.Add(new CompactedBlock(meta!, TryReadTime(json, out var time) ? time : info.LastModified));
        }

        return blocks;
    }

    /// <summary>
    /// Deletes a block's objects, meta.compacted.json last: until then a deletion that was cut off is found and gone on with.
    /// </summary>
    public async Task DeleteAsync(TenantId tenant, BlockId id, CancellationToken cancellation)
    {
        var last = BlockObjects.Key(tenant, id, BlockObjects.CompactedMeta);
        var keys = new List<ObjectKey>();
        await foreach (var entry in objects.ListAsync(BlockObjects.Folder(tenant, id), ListScope.Recursive, cancellation)
            .ConfigureAwait(false))
            if (entry.Key != last)
                keys.Add(entry.Key);
        Failpoints.Hit(Failpoint.RetentionChosen);
        foreach (var key in keys)
        {
            await objects.DeleteAsync(key, cancellation).ConfigureAwait(false);
            Failpoints.Hit(Failpoint.RetentionObject);
        }

        Failpoints.Hit(Failpoint.RetentionEmptied);
        await objects.DeleteAsync(last, cancellation).ConfigureAwait(false);
        Failpoints.Hit(Failpoint.RetentionDeleted);
    }

    // Null: it is no JSON object.
    private static byte[]? TryAddTime(byte[] meta, DateTimeOffset time)
    {
        try
        {
            var buffer = new ArrayBufferWriter<byte>(meta.Length + 64);
            using (var document = JsonDocument.Parse(meta))
            using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartObject();
                // The checksum is of the bytes that were.
                foreach (var property in document.RootElement.EnumerateObject())
                    if (!property.NameEquals("crc32c"u8))
                        property.WriteTo(json);
                WriteTime(json, time);
                json.WriteEndObject();
            }

            return buffer.WrittenSpan.ToArray();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static byte[] Write(TenantId tenant, BlockId id, BlockMeta? known, DateTimeOffset time)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (known is not null)
            {
                BlockMetaJson.WriteFields(json, known);
            }
            else
            {
                json.WriteString("blockID", id.ToString());
                json.WriteString("tenantID", tenant.Value);
            }

            WriteTime(json, time);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteTime(Utf8JsonWriter json, DateTimeOffset time) =>
        json.WriteString("compactedTime", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture));

    // Tempo's local store renames meta.json: then there is no time in it.
    private static bool TryReadTime(byte[] meta, out DateTimeOffset time)
    {
        time = default;
        try
        {
            using var document = JsonDocument.Parse(meta);
            return document.RootElement.TryGetProperty("compactedTime", out var text)
                && DateTimeOffset.TryParse(text.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
