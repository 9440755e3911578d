using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// The hash of all tables whose keys a sender chooses. Keyed per process, so that nobody can choose keys that collide and
/// make a look-up a walk. Multiply and fold over 8-byte words, as the wyhash family does; not for anything that is stored.
/// </summary>
public static class KeyedHash
{
#pragma warning disable RS0030 // the key that keeps senders from choosing collisions; no answer depends on it
    private static readonly ulong Key = KernelRandom.NextUInt64();
    private static readonly ulong Factor = KernelRandom.NextUInt64() | 1;
#pragma warning restore RS0030

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Of(ulong value) => To32(Fold(value ^ Key));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Of(ulong high, ulong low) => To32(Fold(Fold(high ^ Key) ^ low));

    public static uint Of(ReadOnlySpan<byte> value) => To32(Of64(value));

    /// <summary>All 64 bits, for a table that keeps the hash in place of the key.</summary>
    public static ulong Of64(ReadOnlySpan<byte> value) => Of64(value, Key, Factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Of64(ReadOnlySpan<byte> value, ulong key, ulong factor)
    {
        ref var p = ref MemoryMarshal.GetReference(value);
        var length = value.Length;
        var h = key ^ (ulong)length * 0x9E3779B97F4A7C15UL;
        // Every read lies within the span; the last ones overlap those before where the length is not a multiple.
        if (length > 16)
        {
            for (var i = 0; i < length - 16; i += 16) h = Mix(Word(ref p, i) ^ h, Word(ref p, i + 8) ^ factor);
            return Mix(Word(ref p, length - 16) ^ h, Word(ref p, length - 8) ^ factor);
        }

        if (length >= 8) return Mix(Word(ref p, 0) ^ h, Word(ref p, length - 8) ^ factor);
        if (length >= 4)
        {
            var low = Unsafe.ReadUnaligned<uint>(ref p);
            var high = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref p, length - 4));
            return Mix(h ^ ((ulong)high << 32 | low), factor);
        }

        return length == 0
            ? h
            : Mix(h ^ ((uint)p << 16 | (uint)Unsafe.Add(ref p, length >> 1) << 8 | Unsafe.Add(ref p, length - 1)), factor);
    }

    /// <summary>All 64 bits of the hash of three words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of64(ulong a, ulong b, ulong c) => Of64(a, b, c, Key, Factor);

    /// <summary>What a secret key is multiplied with: as secret.</summary>
    internal static ulong FactorOf(ulong key) => Mix(key ^ 0x9FB2_1C65_1E98_DF25, 0x9E37_79B9_7F4A_7C15) | 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Of64(ulong a, ulong b, ulong c, ulong key, ulong factor) =>
        Mix(Mix(Mix(a ^ key, factor) ^ b, factor) ^ c, factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint To32(ulong h) => (uint)(h ^ (h >> 32));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong x) => Mix(x, Factor);

    // Sixteen bytes with one multiplication. A factor of zero would lose the other word; nobody can choose a word that makes
    // one without knowing the key.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong x, ulong y)
    {
        var high = Math.BigMul(x, y, out var low);
        return high ^ low;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Word(ref byte p, int offset) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, offset));
}
