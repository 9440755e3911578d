using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// The hash of all tables whose keys a sender chooses. Keyed per process, so that nobody can choose keys that collide and
/// make a look-up a walk. Multiply and fold over 8-byte words, as the wyhash family does; not for anything that is stored.
/// </summary>
public static class KeyedHash
{
    private static readonly ulong Key = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
    private static readonly ulong Factor = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Of(ulong value) => To32(Fold(value ^ Key));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Of(ulong high, ulong low) => To32(Fold(Fold(high ^ Key) ^ low));

    public static uint Of(ReadOnlySpan<byte> value)
    {
        ref var p = ref MemoryMarshal.GetReference(value);
        var length = value.Length;
        var h = Key ^ (ulong)length * 0x9E3779B97F4A7C15UL;
        // Every read lies within the span; the last one overlaps the one before where the length is not a multiple.
        if (length >= 8)
        {
            for (var i = 0; i < length - 8; i += 8) h = Fold(h ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, i)));
            h = Fold(h ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, length - 8)));
        }
        else if (length >= 4)
        {
            var low = Unsafe.ReadUnaligned<uint>(ref p);
            var high = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref p, length - 4));
            h = Fold(h ^ ((ulong)high << 32 | low));
        }
        else if (length > 0)
        {
            h = Fold(h ^ ((uint)p << 16 | (uint)Unsafe.Add(ref p, length >> 1) << 8 | Unsafe.Add(ref p, length - 1)));
        }

        return To32(h);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint To32(ulong h) => (uint)(h ^ (h >> 32));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong x)
    {
        var high = Math.BigMul(x, Factor, out var low);
        return high ^ low;
    }
}
