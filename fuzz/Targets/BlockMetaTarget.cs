using Tempo.Engine.Storage.Blocks;

namespace Tempo.Fuzz.Targets;

/// <summary>A meta.json. Holds: what is refused has a reason; what is read and written is read again as the same.</summary>
internal sealed class BlockMetaTarget : IFuzzTarget
{
    public string Name => "block-meta";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. JsonDictionary.Tokens,
        .. new[]
        {
            "\"format\"", "\"blockID\"", "\"tenantID\"", "\"startTime\"", "\"2026-08-21T10:00:03Z\"", "\"totalObjects\"",
            "\"dedicatedColumns\"", "\"checksums\"", "\"bloom\"",
            ",\"crc32c\":\"", "0001-01-01T00:00:00Z", "9223372036854775807", "\"o\":[\"blob\"]",
        }.Select(System.Text.Encoding.UTF8.GetBytes),
    ];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (!BlockMeta.TryParse(input.ToArray(), out var meta, out var error))
        {
            Oracle.Holds(error.Length > 0, "what is refused has a reason");
            return;
        }

        var json = meta!.ToJson();
        Oracle.Holds(BlockMeta.TryParse(json, out var again, out _) && again!.ToJson().AsSpan().SequenceEqual(json),
            "what is written is read as the same");
    }
}
