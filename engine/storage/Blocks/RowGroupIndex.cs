using System.Buffers;
using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>The <c>index</c> object: the last trace id of each row group, as JSON with base64 ids (storage specification §6).</summary>
internal static class RowGroupIndex
{
    /// <summary>Largest index that is read, in bytes: some 300,000 row groups.</summary>
    public const int MaxJsonBytes = 16 << 20;

    public static byte[] ToJson(IReadOnlyList<TraceId> lastIds)
    {
        var buffer = new ArrayBufferWriter<byte>(64 + lastIds.Count * 32);
        Span<byte> id = stackalloc byte[TraceId.SizeBytes];
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("rowGroups");
            foreach (var last in lastIds)
            {
                last.Write(id);
                json.WriteBase64StringValue(id);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>False for anything that is not an ascending list of ids.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> utf8, out TraceId[] lastIds)
    {
        lastIds = [];
        try
        {
            using var document = JsonDocument.Parse(utf8);
            if (!document.RootElement.TryGetProperty("rowGroups", out var list)) return false;
            var ids = new List<TraceId>();
            foreach (var entry in list.EnumerateArray())
            {
                if (!entry.TryGetBytesFromBase64(out var bytes) || bytes.Length != TraceId.SizeBytes) return false;
                ids.Add(TraceId.Read(bytes));
                if (ids.Count > 1 && ids[^1].CompareTo(ids[^2]) <= 0) return false;
            }

            lastIds = [.. ids];
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }
}
