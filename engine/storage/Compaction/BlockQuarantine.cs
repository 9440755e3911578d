using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Marks blocks that cannot be read whole: the object <c>quarantine.json</c> in the block's folder,
/// <c>{"time":"RFC 3339","reason":"…"}</c>, which Tempo does not look at. Such a block is searched as far as it can be read and not
/// compacted, over restarts too. Whoever has mended it deletes the object.
/// </summary>
public sealed class BlockQuarantine(IObjectStore objects, TimeProvider time)
{
    private const int MaxReasonLength = 1000;

    /// <summary>Durable when it returns.</summary>
    public async Task AddAsync(BlockMeta block, string reason, CancellationToken cancellation)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("time", time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
            json.WriteString("reason", reason.Length <= MaxReasonLength ? reason : reason[..MaxReasonLength]);
            json.WriteEndObject();
        }

        await objects.PutAsync(BlockObjects.Key(block.Tenant, block.BlockId, BlockObjects.Quarantine), buffer.WrittenMemory, cancellation)
            .ConfigureAwait(false);
    }
}
