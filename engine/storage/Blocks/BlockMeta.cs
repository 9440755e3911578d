using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// A block's meta.json (storage specification §2): the object whose existence makes the block exist, written last.
/// </summary>
public sealed record BlockMeta
{
    /// <summary>Largest meta.json that is read, in bytes.</summary>
    public const int MaxJsonBytes = 1 << 20;

    public string Format { get; init; } = BlockVersion.Default.Name;
    public required BlockId BlockId { get; init; }
    public required TenantId Tenant { get; init; }

    /// <summary>Unix seconds: start of the first trace, rounded down.</summary>
    public required long StartSeconds { get; init; }

    /// <summary>Unix seconds: end of the last trace, rounded up.</summary>
    public required long EndSeconds { get; init; }

    /// <summary>Traces.</summary>
    public required long TotalObjects { get; init; }

    /// <summary>Bytes of data.parquet.</summary>
    public required long SizeBytes { get; init; }
    public int CompactionLevel { get; init; }

    /// <summary>Row groups.</summary>
    public required int RowGroupCount { get; init; }
    public required int BloomShardCount { get; init; }

    /// <summary>Bytes of the thrift footer of data.parquet.</summary>
    public required int FooterSizeBytes { get; init; }
    public DedicatedColumns DedicatedColumns { get; init; } = DedicatedColumns.None;

    /// <summary>Always 1 from us: Tempo's metrics queries read no other blocks.</summary>
    public int ReplicationFactor { get; init; } = 1;

    /// <summary>True if the block may hold spans between the two unix seconds (0 = no bound).</summary>
    public bool Overlaps(long startSeconds, long endSeconds) =>
        (endSeconds == 0 || StartSeconds <= endSeconds) && (startSeconds == 0 || EndSeconds >= startSeconds);

    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("format", Format);
            json.WriteString("blockID", BlockId.ToString());
            json.WriteString("tenantID", Tenant.Value);
            json.WriteString("startTime", Rfc3339(StartSeconds));
            json.WriteString("endTime", Rfc3339(EndSeconds));
            json.WriteNumber("totalObjects", TotalObjects);
            json.WriteNumber("size", SizeBytes);
            json.WriteNumber("compactionLevel", CompactionLevel);
            json.WriteNumber("indexPageSize", 0);
            json.WriteNumber("totalRecords", RowGroupCount);
            json.WriteNumber("bloomShards", BloomShardCount);
            json.WriteNumber("footerSize", FooterSizeBytes);
            WriteDedicatedColumns(json);
            if (ReplicationFactor != 0) json.WriteNumber("replicationFactor", ReplicationFactor);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private void WriteDedicatedColumns(Utf8JsonWriter json)
    {
        if (DedicatedColumns.Specs.Count == 0) return;
        json.WriteStartArray("dedicatedColumns");
        foreach (var column in DedicatedColumns.Specs)
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

    /// <summary>
    /// Reads a meta.json, ours or Tempo's; unknown keys are ignored. On false <paramref name="error"/> says what is wrong.
    /// </summary>
    public static bool TryParse(ReadOnlyMemory<byte> utf8, out BlockMeta? meta, out string error)
    {
        meta = null;
        if (utf8.Length > MaxJsonBytes)
        {
            error = $"meta.json has {utf8.Length} bytes; the limit is {MaxJsonBytes}";
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(utf8);
            error = Read(document.RootElement, out meta);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or OverflowException or ArgumentOutOfRangeException)
        {
            error = $"meta.json: {e.Message}";
        }

        return error.Length == 0;
    }

    private static string Read(JsonElement root, out BlockMeta? meta)
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
        };
        return "";
    }

    private static string ReadDedicatedColumns(JsonElement root, out DedicatedColumns columns)
    {
        columns = DedicatedColumns.None;
        if (!root.TryGetProperty("dedicatedColumns", out var list) || list.ValueKind != JsonValueKind.Array) return "";
        var specs = new List<DedicatedColumnSpec>();
        foreach (var entry in list.EnumerateArray())
        {
            var options = entry.TryGetProperty("o", out var words) && words.ValueKind == JsonValueKind.Array ? words.EnumerateArray().Select(static word => word.GetString() ?? "") : [];
            if (!DedicatedColumnSpec.TryParse(Text(entry, "s"), Text(entry, "n"), Text(entry, "t"), options, out var spec, out var wrong)) return $"meta.json: {wrong}";
            specs.Add(spec);
        }

        return DedicatedColumns.TryCreate(specs, out columns, out var error) ? "" : $"meta.json: {error}";
    }

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
