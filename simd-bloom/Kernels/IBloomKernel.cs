namespace Tempo.SimdBloom;

/// <summary>
/// The inner loops of both filters, once per instruction set. All kernels give the same bits and the same answers;
/// <see cref="ScalarKernel"/> is the truth the others are tested against. One virtual call per batch, none per key.
/// Required of callers, and not checked again: lengths as stated below.
/// </summary>
internal interface IBloomKernel
{
    /// <summary>The name by which it can be forced.</summary>
    string Name { get; }

    /// <summary>Whether this process may run it. A constant of the compilation under Native AOT.</summary>
    bool IsSupported { get; }

    /// <summary>Hashes ids that lie end to end. Requires <c>ids.Length == 16 · hashes.Length</c>.</summary>
    void HashIds(ReadOnlySpan<byte> ids, Span<TraceIdHash> hashes);

    /// <summary>
    /// Sets the 8 bits of every hash in its block. Requires <paramref name="bitSet"/> to be 1 or more whole 32-byte blocks.
    /// </summary>
    void Insert(Span<byte> bitSet, ReadOnlySpan<ulong> hashes);

    /// <summary>Whether all 8 bits of the hash are set in its block. Requires the same of <paramref name="bitSet"/>.</summary>
    bool MayContain(ReadOnlySpan<byte> bitSet, ulong hash);

    /// <summary>
    /// Sets bit i mod 64 of word i / 64 where hash i may be contained, clears it where not, and leaves the bits past the last
    /// hash clear. Requires ⌈hashes / 64⌉ words in <paramref name="found"/>.
    /// </summary>
    void Probe(ReadOnlySpan<byte> bitSet, ReadOnlySpan<ulong> hashes, Span<ulong> found);
}
