using System.Buffers;
using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// The <c>compacted-from.json</c> of a block that compaction wrote: <c>{"inputs":["uuid",…]}</c>. It is there before
/// meta.json, so a crash between the output and the marking of its inputs can be finished later. Tempo does not look at it.
/// </summary>
internal static class CompactedFrom
{
    /// <summary>Largest object that is read, in bytes: some 1,600 inputs.</summary>
    public const int MaxJsonBytes = 64 << 10;

    public static byte[] ToJson(IReadOnlyList<BlockId> inputs)
    {
        var buffer = new ArrayBufferWriter<byte>(32 + inputs.Count * 40);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("inputs");
            foreach (var input in inputs) json.WriteStringValue(input.ToString());
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>False for anything that is not a list of block ids.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> utf8, out IReadOnlyList<BlockId> inputs)
    {
        inputs = [];
        try
        {
            using var document = JsonDocument.Parse(utf8);
            if (!document.RootElement.TryGetProperty("inputs", out var list)) return false;
            var ids = new List<BlockId>();
            foreach (var entry in list.EnumerateArray())
            {
                if (!BlockId.TryParse(entry.GetString(), out var id)) return false;
                ids.Add(id);
            }

            inputs = ids;
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
