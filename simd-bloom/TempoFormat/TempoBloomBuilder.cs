using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tempo.SimdBloom;

/// <summary>
/// Builds the trace-id filter of a block, byte for byte as Tempo writes it. Bits are set right in the bytes of the bloom-N
/// objects. All shards are held in memory from the start (100 KiB each by default). Not thread safe.
/// </summary>
public sealed class TempoBloomBuilder
{
    // Ids hashed at a time: 64 · 36 bytes of hashes stay in L1 beside the ids.
    private const int BatchIds = 64;

    private readonly IBloomKernel _kernel;
    private readonly byte[][] _shardObjects;
    private readonly BitModulus _modulus;

    /// <summary>The shape that was asked for.</summary>
    public TempoBloomLayout Layout { get; }

    /// <summary>An empty filter of the given shape.</summary>
    public TempoBloomBuilder(TempoBloomLayout layout)
        : this(layout, KernelChoice.Current)
    {
    }

    internal TempoBloomBuilder(TempoBloomLayout layout, IBloomKernel kernel)
    {
        if (layout.ShardCount == 0) throw new ArgumentException("A layout comes from TempoBloomLayout.For.", nameof(layout));
        _kernel = kernel;
        Layout = layout;
        _modulus = new BitModulus((ulong)layout.ShardBitCount);
        _shardObjects = new byte[layout.ShardCount][];
        for (var shard = 0; shard < _shardObjects.Length; shard++) _shardObjects[shard] = NewShardObject(layout);
    }

    /// <summary>Adds one 16-byte trace id.</summary>
    /// <exception cref="ArgumentException">The id is not 16 bytes long.</exception>
    public void Add(ReadOnlySpan<byte> traceId) => SetBits(TraceIdHash.Of(traceId));

    /// <summary>Adds many trace ids, which lie end to end.</summary>
    /// <exception cref="ArgumentException">The length is no multiple of 16; nothing was added.</exception>
    public void AddRange(ReadOnlySpan<byte> traceIds)
    {
        if (traceIds.Length % TraceIdHash.IdSizeBytes != 0) BloomThrow.IdsLength(traceIds.Length);

        Span<TraceIdHash> hashes = stackalloc TraceIdHash[BatchIds];
        while (!traceIds.IsEmpty)
        {
            var batch = traceIds[..Math.Min(traceIds.Length, BatchIds * TraceIdHash.IdSizeBytes)];
            var batchHashes = hashes[..(batch.Length / TraceIdHash.IdSizeBytes)];
            _kernel.HashIds(batch, batchHashes);
            foreach (ref readonly var hash in batchHashes) SetBits(hash);
            traceIds = traceIds[batch.Length..];
        }
    }

    /// <summary>The bytes of object bloom-<paramref name="shard"/>, as they are now: adding more ids changes them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such shard.</exception>
    public ReadOnlyMemory<byte> ShardObject(int shard)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, _shardObjects.Length);
        return _shardObjects[shard];
    }

    private static byte[] NewShardObject(TempoBloomLayout layout)
    {
        var shardObject = new byte[layout.ShardObjectSizeBytes];
        BinaryPrimitives.WriteUInt64BigEndian(shardObject, (ulong)layout.ShardBitCount);
        BinaryPrimitives.WriteUInt64BigEndian(shardObject.AsSpan(TempoBloomFormat.HashCountOffset), (ulong)layout.HashCount);
        BinaryPrimitives.WriteUInt64BigEndian(shardObject.AsSpan(TempoBloomFormat.BitSetLengthOffset), (ulong)layout.ShardBitCount);
        return shardObject;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetBits(in TraceIdHash hash)
    {
        var shard = _shardObjects.Length == 1 ? 0 : hash.Fnv % (uint)_shardObjects.Length;
        ref var words = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_shardObjects[shard]), TempoBloomFormat.HeaderSizeBytes);
        var modulus = _modulus;
        var hashCount = (uint)Layout.HashCount;
        for (uint i = 0; i < hashCount; i++)
        {
            var bit = TempoBloomBits.Position(hash, i, modulus);
            // In bounds: bit < ShardBitCount, and the object was made with whole words for that many bits.
            Unsafe.Add(ref words, TempoBloomFormat.ByteOf(bit)) |= (byte)(1 << (int)(bit & 7));
        }
    }
}
