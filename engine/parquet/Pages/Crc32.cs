using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tempo.Engine.Parquet;

/// <summary>
/// CRC-32 of gzip and of Parquet page headers (reflected polynomial 0xEDB88320; "123456789" gives 0xCBF43926), which is not the
/// CRC-32C the CPU computes. The table form ("slicing by 8", Kounavis and Berry 2005) is the truth; where the CPU multiplies
/// without carry, 64 bytes are folded at a time (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", 2009)
/// until 16 bytes of the same remainder are left, which the table form finishes.
/// </summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private const int FoldBytes = 64;
    private static readonly uint[] Tables = BuildTables();

    public static uint Compute(ReadOnlySpan<byte> bytes, uint seed = 0)
    {
        var register = ~seed;
        if (Pclmulqdq.IsSupported && bytes.Length >= FoldBytes)
        {
            var folded = bytes.Length & ~15;
            register = Fold(bytes[..folded], register);
            bytes = bytes[folded..];
        }

        return ~Update(bytes, register);
    }

    /// <summary>The scalar twin of <see cref="Compute"/>.</summary>
    internal static uint ComputeScalar(ReadOnlySpan<byte> bytes, uint seed = 0) => ~Update(bytes, ~seed);

    /// <summary>Folds a multiple of 16, at least 64 bytes, into the register.</summary>
    private static uint Fold(ReadOnlySpan<byte> bytes, uint register)
    {
        // x^(512±32) and x^(128±32) modulo the polynomial, bit-reflected: the table of the paper for this polynomial.
        var by64 = Vector128.Create(0x1_5444_2BD4ul, 0x1_C6E4_1596ul);
        var by16 = Vector128.Create(0x1_7519_97D0ul, 0x0_CCAA_009Eul);
        var a = Load(bytes, 0) ^ Vector128.CreateScalar((ulong)register);
        var b = Load(bytes, 16);
        var c = Load(bytes, 32);
        var d = Load(bytes, 48);
        var position = FoldBytes;
        for (; position + FoldBytes <= bytes.Length; position += FoldBytes)
        {
            a = Step(a, by64) ^ Load(bytes, position);
            b = Step(b, by64) ^ Load(bytes, position + 16);
            c = Step(c, by64) ^ Load(bytes, position + 32);
            d = Step(d, by64) ^ Load(bytes, position + 48);
        }

        a = Step(a, by16) ^ b;
        a = Step(a, by16) ^ c;
        a = Step(a, by16) ^ d;
        for (; position < bytes.Length; position += 16) a = Step(a, by16) ^ Load(bytes, position);
        Span<byte> rest = stackalloc byte[16];
        a.AsByte().CopyTo(rest);
        return Update(rest, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Load(ReadOnlySpan<byte> bytes, int position) => Vector128.Create(bytes.Slice(position, 16)).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Step(Vector128<ulong> value, Vector128<ulong> distance) =>
        Pclmulqdq.CarrylessMultiply(value, distance, 0x00) ^ Pclmulqdq.CarrylessMultiply(value, distance, 0x11);

    private static uint Update(ReadOnlySpan<byte> bytes, uint register)
    {
        ref var tables = ref MemoryMarshal.GetArrayDataReference(Tables);
        while (bytes.Length >= 8)
        {
            var word = MemoryMarshal.Read<ulong>(bytes) ^ register;
            // Every index is a byte within one of the eight tables of 256.
            register = Unsafe.Add(ref tables, (int)((7 * 256) + (word & 0xFF)))
                ^ Unsafe.Add(ref tables, (int)((6 * 256) + ((word >> 8) & 0xFF)))
                ^ Unsafe.Add(ref tables, (int)((5 * 256) + ((word >> 16) & 0xFF)))
                ^ Unsafe.Add(ref tables, (int)((4 * 256) + ((word >> 24) & 0xFF)))
                ^ Unsafe.Add(ref tables, (int)((3 * 256) + ((word >> 32) & 0xFF)))
                ^ Unsafe.Add(ref tables, (int)((2 * 256) + ((word >> 40) & 0xFF)))
                ^ Unsafe.Add(ref tables, (int)(256 + ((word >> 48) & 0xFF)))
                ^ Unsafe.Add(ref tables, (int)(word >> 56));
            bytes = bytes[8..];
        }

        foreach (var b in bytes) register = (register >> 8) ^ Unsafe.Add(ref tables, (int)((register ^ b) & 0xFF));
        return register;
    }

    private static uint[] BuildTables()
    {
        var tables = new uint[8 * 256];
        for (uint i = 0; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * Polynomial);
            tables[i] = crc;
        }

        for (var i = 256; i < tables.Length; i++) tables[i] = (tables[i - 256] >> 8) ^ tables[tables[i - 256] & 0xFF];
        return tables;
    }
}
