using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Storage.Blocklist;

/// <summary>
/// <c>index.json.gz</c>: <c>{"created_at":"…","meta":[…],"compacted":[…]}</c> in gzip, whose checksum protects it. A compacted
/// entry is a meta with <c>compactedTime</c>.
/// </summary>
public static class TenantIndexJson
{
    public static byte[] Write(TenantIndex index)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true))
        using (var json = new Utf8JsonWriter(gzip))
        {
            json.WriteStartObject();
            json.WriteString("created_at", Text(index.CreatedAt));
            json.WriteStartArray("meta");
            foreach (var meta in index.Blocks) WriteEntry(json, meta, null);
            json.WriteEndArray();
            json.WriteStartArray("compacted");
            foreach (var block in index.Compacted) WriteEntry(json, block.Meta, block.CompactedAt);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>
    /// Reads the object; on false the error says what is wrong. Memory: what it unpacks to, up to <see cref="TenantIndex.MaxBytes"/>.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> gzip, out TenantIndex? index, out string error)
    {
        index = null;
        if (!TryUnpack(gzip, out var json, out error)) return false;
        try
        {
            using var document = JsonDocument.Parse(json);
            error = Read(document.RootElement, out index);
        }
        catch (Exception e) when (BlockMetaJson.IsMalformed(e))
        {
            error = e.Message;
        }

        if (error.Length > 0) error = $"index.json.gz: {error}";
        return error.Length == 0;
    }

    private static unsafe bool TryUnpack(ReadOnlySpan<byte> gzip, out ReadOnlyMemory<byte> json, out string error)
    {
        json = default;
        error = gzip.IsEmpty ? "index.json.gz is empty" : "";
        if (error.Length > 0) return false;
        var output = new ArrayBufferWriter<byte>();
        // The span stays pinned while the stream over it is alive.
        fixed (byte* source = gzip)
        {
            using var input = new UnmanagedMemoryStream(source, gzip.Length);
            using var stream = new GZipStream(input, CompressionMode.Decompress);
            try
            {
                for (int read; (read = stream.Read(output.GetSpan(64 << 10))) > 0; output.Advance(read))
                    if (output.WrittenCount > TenantIndex.MaxBytes - read)
                    {
                        error = $"index.json.gz unpacks to more than {TenantIndex.MaxBytes} bytes";
                        return false;
                    }
            }
            catch (InvalidDataException e)
            {
                error = $"index.json.gz: {e.Message}";
                return false;
            }
        }

        json = output.WrittenMemory;
        return true;
    }

    private static string Read(JsonElement root, out TenantIndex? index)
    {
        index = null;
        if (root.ValueKind != JsonValueKind.Object) return $"a {root.ValueKind} where an object belongs";
        var blocks = new List<BlockMeta>();
        var compacted = new List<CompactedBlock>();
        foreach (var entry in Entries(root, "meta"))
        {
            if (BlockMetaJson.Read(entry, out var meta) is { Length: > 0 } wrong) return wrong;
            blocks.Add(meta!);
        }

        foreach (var entry in Entries(root, "compacted"))
        {
            if (BlockMetaJson.Read(entry, out var meta) is { Length: > 0 } wrong) return wrong;
            compacted.Add(new CompactedBlock(meta!, Time(entry, "compactedTime")));
        }

        index = new TenantIndex(Time(root, "created_at"), blocks, compacted);
        return "";
    }

    private static IEnumerable<JsonElement> Entries(JsonElement root, string name) =>
        root.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : [];

    private static void WriteEntry(Utf8JsonWriter json, BlockMeta meta, DateTimeOffset? compactedAt)
    {
        json.WriteStartObject();
        BlockMetaJson.WriteFields(json, meta);
        if (compactedAt is { } time) json.WriteString("compactedTime", Text(time));
        json.WriteEndObject();
    }

    private static string Text(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    private static DateTimeOffset Time(JsonElement element, string name) =>
        element.TryGetProperty(name, out var text)
            ? DateTimeOffset.Parse(text.GetString() ?? "", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal)
            : default;
}
