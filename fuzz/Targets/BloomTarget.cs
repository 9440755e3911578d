using Tempo.SimdBloom;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// A bloom shard. Holds: what is refused has a reason; an id has an answer, the same each time, whatever the shard says of itself.
/// </summary>
internal sealed class BloomTarget : IFuzzTarget
{
    public string Name => "bloom";

    public IReadOnlyList<byte[]> Dictionary { get; } = [[0, 0, 0, 0, 0, 0, 0, 0xA0], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        [0, 0, 0, 0, 0, 0, 0, 7], [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]];

    public void Run(ReadOnlySpan<byte> input)
    {
        var shard = input.ToArray();
        if (!TempoBloomFilter.TryOpen(shard, out var filter, out var error))
        {
            Oracle.Holds(error.Length > 0, "what is refused has a reason");
            return;
        }

        Span<byte> id = stackalloc byte[16];
        for (var i = 0; i < 64; i++)
        {
            id[15] = (byte)(i * 37);
            id[i % 16] ^= (byte)i;
            Oracle.Holds(filter.MayContain(id) == filter.MayContain(id), "the same id has the same answer");
        }
    }
}
