using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Catalog;
using Tempo.SimdBloom;

namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>
/// The hashes that a sidecar's filters know attributes and traces by (FORMAT.md). A query computes one once and asks all
/// row groups of all blocks with it.
/// </summary>
public static class SidecarHash
{
    public static ulong OfTrace(TraceId id)
    {
        Span<byte> bytes = stackalloc byte[TraceId.SizeBytes];
        id.Write(bytes);
        return XxHash64.Hash(bytes);
    }

    /// <summary>The same of its 16 wire bytes.</summary>
    internal static ulong OfTrace(ReadOnlySpan<byte> wireBytes) => XxHash64.Hash(wireBytes);

    /// <summary>Of an attribute's key, UTF-8.</summary>
    public static ulong OfKey(CatalogScope scope, ReadOnlySpan<byte> key) => XxHash64.Hash(key, (ulong)scope + 1);

    /// <summary>Of a text value, UTF-8.</summary>
    public static ulong OfText(ulong keyHash, ReadOnlySpan<byte> text) => XxHash64.Hash(text, keyHash);

    /// <summary>Of an int or a double: both compare as numbers, so both are the same here.</summary>
    public static ulong OfNumber(ulong keyHash, double number) =>
        XxHash64.Hash(BitConverter.DoubleToUInt64Bits(number == 0 ? 0 : number), keyHash + 1);

    public static ulong OfBool(ulong keyHash, bool value) => XxHash64.Hash(value ? 1UL : 0UL, keyHash + 2);

    /// <summary>The part of a trace's hash that stands in the id index.</summary>
    internal static ushort FingerprintOf(ulong traceHash) => (ushort)(traceHash >> 16);
}
