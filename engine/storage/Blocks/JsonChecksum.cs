using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// The checksum of a JSON object of ours, as its last key: <c>…,"crc32c":"5e6f7a8b"}</c>, the CRC-32C of all bytes before its comma.
/// Others pass over the key; an object without it is another writer's.
/// </summary>
internal static class JsonChecksum
{
    private const int Digits = 8;

    private static ReadOnlySpan<byte> Key => ",\"crc32c\":\""u8;

    /// <summary>The object with the key; it has at least one other.</summary>
    public static byte[] Append(ReadOnlySpan<byte> json)
    {
        var body = json[..^1];
        return [.. body, .. Key, .. Encoding.ASCII.GetBytes(Crc32C.Compute(body).ToString("x8", CultureInfo.InvariantCulture)), .. "\"}"u8];
    }

    /// <summary>
    /// False if there is the key and the checksum is another. Whatever damages the key damages the JSON behind it, or the number.
    /// </summary>
    public static bool IsRight(ReadOnlySpan<byte> json)
    {
        var at = json.LastIndexOf(Key);
        if (at < 0) return true;
        var value = json[(at + Key.Length)..];
        return value.Length == Digits + 2
            && Utf8Parser.TryParse(value[..Digits], out uint checksum, out var digits, 'x') && digits == Digits
            && checksum == Crc32C.Compute(json[..at]);
    }
}
