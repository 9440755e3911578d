using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// The JSON form of a block's meta: an object of its own, and entries of the tenant index. Ours ends in
/// <code>
/// …,"checksums":{"footer":"1a2b3c4d","index":"…","bloom":["…"]},"crc32c":"5e6f7a8b"}
/// </code>
/// (<see cref="JsonChecksum"/>). Tempo passes over both keys.
/// </summary>
internal static class BlockMetaJson
{
    public static byte[] Write(BlockMeta meta)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteFields(json, meta);
            json.WriteEndObject();
        }

        return JsonChecksum.Append(buffer.WrittenSpan);
    }

    /// <summary>The fields of a meta, within an object that is open.</summary>
    public static void WriteFields(Utf8JsonWriter json, BlockMeta meta)
    {
        json.WriteString("format", meta.Format);
        json.WriteString("blockID", meta.BlockId.ToString());
        json.WriteString("tenantID", meta.Tenant.Value);
        json.WriteString("startTime", Rfc3339(meta.StartSeconds));
        json.WriteString("endTime", Rfc3339(meta.EndSeconds));
        json.WriteNumber("totalObjects", meta.TotalObjects);
        json.WriteNumber("size", meta.SizeBytes);
        json.WriteNumber("compactionLevel", meta.CompactionLevel);
        json.WriteNumber("indexPageSize", 0);
        json.WriteNumber("totalRecords", meta.RowGroupCount);
        json.WriteNumber("bloomShards", meta.BloomShardCount);
        json.WriteNumber("footerSize", meta.FooterSizeBytes);
        WriteDedicatedColumns(json, meta.DedicatedColumns);
        if (meta.ReplicationFactor != 0) json.WriteNumber("replicationFactor", meta.ReplicationFactor);
        WriteStray(json, meta.Stray);
        WriteChecksums(json, meta.Checksums);
    }

    /// <summary>The list of a block's dedicated columns; nothing if there are none.</summary>
    private static void WriteDedicatedColumns(Utf8JsonWriter json, DedicatedColumns columns)
    {
        if (columns.Specs.Count == 0) return;
        json.WritePropertyName("dedicatedColumns");
        WriteList(json, columns);
    }

    public static void WriteList(Utf8JsonWriter json, DedicatedColumns columns)
    {
        json.WriteStartArray();
        foreach (var column in columns.Specs)
        {
            json.WriteStartObject();
            if (column.Scope != AttributeScope.Span) json.WriteString("s", column.Scope == AttributeScope.Resource ? "resource" : "event");
            json.WriteString("n", column.Name);
            if (column.Type == AttributeType.Int) json.WriteString("t", "int");
            if (column.Options != DedicatedColumnOptions.None)
            {
                json.WriteStartArray("o");
                if (column.Options.HasFlag(DedicatedColumnOptions.Array)) json.WriteStringValue("array");
                if (column.Options.HasFlag(DedicatedColumnOptions.Blob)) json.WriteStringValue("blob");
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteStray(Utf8JsonWriter json, StrayTimes? stray)
    {
        if (stray is not { } times) return;
        json.WriteStartObject("strayTimes");
        json.WriteString("start", Rfc3339(times.StartSeconds));
        json.WriteString("end", Rfc3339(times.EndSeconds));
        json.WriteEndObject();
    }

    private static StrayTimes? ReadStray(JsonElement root) =>
        root.TryGetProperty("strayTimes", out var times) && times.ValueKind == JsonValueKind.Object
            ? new StrayTimes(Time(times, "start").ToUnixTimeSeconds(), Time(times, "end").ToUnixTimeSeconds())
            : null;

    private static void WriteChecksums(Utf8JsonWriter json, BlockChecksums? checksums)
    {
        if (checksums is null) return;
        json.WriteStartObject("checksums");
        json.WriteString("footer", Hex(checksums.Footer));
        json.WriteString("index", Hex(checksums.Index));
        json.WriteStartArray("bloom");
        foreach (var shard in checksums.Bloom) json.WriteStringValue(Hex(shard));
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Hex(uint value) => value.ToString("x8", CultureInfo.InvariantCulture);

    /// <summary>
    /// Reads a meta.json, ours or Tempo's; unknown keys are ignored. On false <paramref name="error"/> says what is wrong.
    /// </summary>
    public static bool TryRead(ReadOnlyMemory<byte> utf8, out BlockMeta? meta, out string error)
    {
        meta = null;
        if (utf8.Length > BlockMeta.MaxJsonBytes)
        {
            error = $"meta.json has {utf8.Length} bytes; the limit is {BlockMeta.MaxJsonBytes}";
            return false;
        }

        if (!JsonChecksum.IsRight(utf8.Span))
        {
            error = "meta.json: the checksum does not match";
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(utf8);
            error = Read(document.RootElement, out meta);
        }
        catch (Exception e) when (IsMalformed(e))
        {
            error = $"meta.json: {e.Message}";
        }

        return error.Length == 0;
    }

    /// <summary>What reading an element may throw that is not as it should be.</summary>
    public static bool IsMalformed(Exception e) =>
        e is JsonException or FormatException or InvalidOperationException or OverflowException or ArgumentOutOfRangeException
            or KeyNotFoundException;

    /// <summary>Reads a meta from an element; the result is what is wrong, empty if nothing is.</summary>
    public static string Read(JsonElement root, out BlockMeta? meta)
    {
        meta = null;
        if (root.ValueKind != JsonValueKind.Object) return $"meta.json is a {root.ValueKind}, not an object";
        if (!BlockId.TryParse(Text(root, "blockID"), out var id)) return $"meta.json: blockID '{Text(root, "blockID")}' is not a UUID";
        if (!TenantId.TryParse(Text(root, "tenantID"), out var tenant, out var tenantError)) return $"meta.json: {tenantError}";
        var error = ReadDedicatedColumns(root, out var dedicated);
        if (error.Length > 0) return error;
        meta = new BlockMeta
        {
            Format = Text(root, "format"),
            BlockId = id,
            Tenant = tenant,
            StartSeconds = Time(root, "startTime").ToUnixTimeSeconds(),
            EndSeconds = Time(root, "endTime").AddTicks(TimeSpan.TicksPerSecond - 1).ToUnixTimeSeconds(),
            TotalObjects = Number(root, "totalObjects"),
            SizeBytes = Number(root, "size"),
            CompactionLevel = checked((int)Number(root, "compactionLevel")),
            RowGroupCount = checked((int)Number(root, "totalRecords")),
            BloomShardCount = checked((int)Number(root, "bloomShards")),
            FooterSizeBytes = checked((int)Number(root, "footerSize")),
            DedicatedColumns = dedicated,
            ReplicationFactor = checked((int)Number(root, "replicationFactor")),
            Stray = ReadStray(root),
            Checksums = ReadChecksums(root),
        };
        return "";
    }

    private static string ReadDedicatedColumns(JsonElement root, out DedicatedColumns columns)
    {
        columns = DedicatedColumns.None;
        return root.TryGetProperty("dedicatedColumns", out var list) && list.ValueKind == JsonValueKind.Array
            ? ReadList(list, out columns)
            : "";
    }

    /// <summary>Reads a list of dedicated columns; the result is what is wrong, empty if nothing is.</summary>
    public static string ReadList(JsonElement list, out DedicatedColumns columns)
    {
        columns = DedicatedColumns.None;
        var specs = new List<DedicatedColumnSpec>();
        foreach (var entry in list.EnumerateArray())
        {
            var options = entry.TryGetProperty("o", out var words) && words.ValueKind == JsonValueKind.Array
                ? words.EnumerateArray().Select(static word => word.GetString() ?? "")
                : [];
            if (!DedicatedColumnSpec.TryParse(Text(entry, "s"), Text(entry, "n"), Text(entry, "t"), options, out var spec, out var wrong))
                return $"meta.json: {wrong}";
            specs.Add(spec);
        }

        return DedicatedColumns.TryCreate(specs, out columns, out var error) ? "" : $"meta.json: {error}";
    }

    private static BlockChecksums? ReadChecksums(JsonElement root) =>
        root.TryGetProperty("checksums", out var checksums) && checksums.ValueKind == JsonValueKind.Object
            ? new BlockChecksums(ReadHex(Text(checksums, "footer")), ReadHex(Text(checksums, "index")),
                [.. checksums.GetProperty("bloom").EnumerateArray().Select(static shard => ReadHex(shard.GetString() ?? ""))])
            : null;

    private static uint ReadHex(string text) => uint.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() ?? "" : "";

    private static long Number(JsonElement element, string name)
    {
        if (!element.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.Number) return 0;
        var number = value.GetInt64();
        return number >= 0 ? number : throw new FormatException($"{name} is {number}; it counts something");
    }

    private static DateTimeOffset Time(JsonElement element, string name) =>
        DateTimeOffset.Parse(Text(element, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static string Rfc3339(long unixSeconds) =>
        DateTimeOffset.FromUnixTimeSeconds(unixSeconds).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
