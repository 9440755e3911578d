using System.IO.Compression;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocklist;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A tenant's index: first byte even the protobuf, odd the JSON, unpacked, as a changed frame would hardly ever get past its codec; a
/// first byte of 254 and 255 is one that is taken as it is. Holds: what is refused has a reason; what is read and written is read again as
/// the same, in both forms.
/// </summary>
internal sealed class TenantIndexTarget : IFuzzTarget
{
    public string Name => "tenant-index";

    public IReadOnlyList<byte[]> Dictionary { get; } = [.. JsonDictionary.Tokens, .. ProtobufDictionary.Tokens, "\"meta\":["u8.ToArray(),
        "\"created_at\""u8.ToArray(), [0x28, 0xB5, 0x2F, 0xFD]];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        var isJson = input[0] % 2 == 1;
        var packed = input[0] >= 254 ? input[1..].ToArray() : isJson ? Gzip(input[1..]) : ZstdFrame(input[1..]);
        var isRead = isJson
            ? TenantIndexJson.TryRead(packed, out var index, out var error)
            : TenantIndexProtobuf.TryRead(packed, out index, out error);
        Oracle.Holds(isRead == (error.Length == 0) && isRead == (index is not null), "an index or a reason");
        if (!isRead) return;
        Oracle.Holds(TenantIndexProtobuf.TryRead(TenantIndexProtobuf.Write(index!), out var fromProtobuf, out _),
            "what is written as protobuf is read");
        Oracle.Holds(TenantIndexJson.TryRead(TenantIndexJson.Write(index!), out var fromJson, out _), "what is written as JSON is read");
        Oracle.Holds(Describe(index!) == Describe(fromProtobuf!) && Describe(index!) == Describe(fromJson!), "all forms say the same");
    }

    private static string Describe(TenantIndex index) =>
        $"{index.CreatedAt:O} {string.Join('\n', index.Blocks.Concat(index.Compacted.Select(static block => block.Meta)).Select(static meta => System.Text.Encoding.UTF8.GetString(meta.ToJson())))}";

    private static byte[] Gzip(ReadOnlySpan<byte> bytes)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest)) gzip.Write(bytes);
        return stream.ToArray();
    }

    private static byte[] ZstdFrame(ReadOnlySpan<byte> bytes)
    {
        var packed = new byte[Zstd.MaxCompressedLength(bytes.Length)];
        return packed[..Zstd.Compress(bytes, packed, 1)];
    }
}
