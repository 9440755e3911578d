namespace Tempo.SimdBloom;

/// <summary>
/// Builds split-block bloom filters, one after the other. Keys are given as their <see cref="XxHash64"/>. Not thread safe.
/// </summary>
public sealed class SplitBlockBloomBuilder
{
    private readonly IBloomKernel _kernel;
    private byte[] _memory = [];
    private int _sizeBytes;

    /// <summary>An empty filter of <paramref name="sizeBytes"/> bytes, as <see cref="SplitBlockSizing"/> gives them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// No whole number of 32-byte blocks, or outside
    /// <see cref="SplitBlockSizing.MinSizeBytes"/>..<see cref="SplitBlockSizing.MaxSizeBytes"/>.
    /// </exception>
    public SplitBlockBloomBuilder(int sizeBytes)
        : this(sizeBytes, KernelChoice.Current)
    {
    }

    internal SplitBlockBloomBuilder(int sizeBytes, IBloomKernel kernel)
    {
        _kernel = kernel;
        Clear(sizeBytes);
    }

    /// <summary>The raw bit set, as it is stored; adding more keys changes it.</summary>
    public ReadOnlyMemory<byte> BitSet => _memory.AsMemory(0, _sizeBytes);

    /// <summary>The filter as it is now; adding more keys changes it.</summary>
    public SplitBlockBloomFilter Filter => new(_memory.AsSpan(0, _sizeBytes), _kernel);

    /// <summary>Adds one key by its hash.</summary>
    public void Add(ulong hash) => _kernel.Insert(_memory.AsSpan(0, _sizeBytes), new ReadOnlySpan<ulong>(in hash));

    /// <summary>Adds many keys by their hashes.</summary>
    public void AddRange(ReadOnlySpan<ulong> hashes) => _kernel.Insert(_memory.AsSpan(0, _sizeBytes), hashes);

    /// <summary>Forgets all keys, to build the next filter of the same size.</summary>
    public void Clear() => Array.Clear(_memory, 0, _sizeBytes);

    /// <summary>The same, of another size; what was read of this builder before is not to be used any more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">As of the constructor.</exception>
    public void Clear(int sizeBytes)
    {
        if (sizeBytes is < SplitBlockSizing.MinSizeBytes or > SplitBlockSizing.MaxSizeBytes || sizeBytes % SplitBlock.SizeBytes != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(sizeBytes), sizeBytes,
                $"The size must be whole {SplitBlock.SizeBytes}-byte blocks, {SplitBlockSizing.MinSizeBytes} to {SplitBlockSizing.MaxSizeBytes} bytes.");
        }

        if (sizeBytes > _memory.Length) _memory = new byte[sizeBytes];
        _sizeBytes = sizeBytes;
        Clear();
    }
}
