using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Otlp.Json;

/// <summary>
/// Text that stands in JSON as it is: printable ASCII without <c>" \ &lt; &gt; &amp;</c>. It is copied while it is looked at, sixteen bytes
/// at a time; shorter text as two pieces that overlap, since most names and values are shorter than that.
/// </summary>
internal static class PlainText
{
    /// <summary>
    /// Copies the text if all of it is plain; else false, and the destination has been written to. The destination is at least as long.
    /// </summary>
    public static bool TryCopy(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, text.Length);
        ref var from = ref MemoryMarshal.GetReference(text);
        ref var to = ref MemoryMarshal.GetReference(destination);

        // All offsets below are at most the length minus the size of what is read there.
        var length = text.Length;
        if (length < sizeof(ulong)) return TryCopyShort(ref from, ref to, length);
        if (length < Vector128<byte>.Count)
        {
            var (first, last) = (Read<ulong>(ref from, 0), Read<ulong>(ref from, length - sizeof(ulong)));
            Write(ref to, 0, first);
            Write(ref to, length - sizeof(ulong), last);
            return Special(Vector128.Create(first, last).AsByte()) == Vector128<byte>.Zero;
        }

        var special = Vector128<byte>.Zero;
        for (var i = 0; i <= length - Vector128<byte>.Count; i += Vector128<byte>.Count) special |= CopyVector(ref from, ref to, i);
        special |= CopyVector(ref from, ref to, length - Vector128<byte>.Count);
        return special == Vector128<byte>.Zero;
    }

    /// <summary>The same byte by byte: what the above is checked against.</summary>
    public static bool TryCopyScalar(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        text.CopyTo(destination);
        foreach (var value in text)
            if (!IsPlain(value))
                return false;
        return true;
    }

    private static bool TryCopyShort(ref byte from, ref byte to, int length)
    {
        if (length >= sizeof(uint))
        {
            var (first, last) = (Read<uint>(ref from, 0), Read<uint>(ref from, length - sizeof(uint)));
            Write(ref to, 0, first);
            Write(ref to, length - sizeof(uint), last);
            return Special(Vector128.Create(first, last, first, last).AsByte()) == Vector128<byte>.Zero;
        }

        var isPlain = true;
        for (var i = 0; i < length; i++)
        {
            var value = Unsafe.Add(ref from, i);
            Unsafe.Add(ref to, i) = value;
            isPlain &= IsPlain(value);
        }

        return isPlain;
    }

    private static bool IsPlain(byte value) => value is >= 0x20 and < 0x80 && !"\"\\<>&"u8.Contains(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> CopyVector(ref byte from, ref byte to, int offset)
    {
        var values = Vector128.LoadUnsafe(ref from, (nuint)offset);
        values.StoreUnsafe(ref to, (nuint)offset);
        return Special(values);
    }

    // All ones where a byte is not plain. As signed bytes, control characters and those of longer characters are below the blank; the
    // angle brackets differ in one bit, as do the quotation mark and the ampersand.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Special(Vector128<byte> values) =>
        Vector128.LessThan(values.AsSByte(), Vector128.Create((sbyte)0x20)).AsByte()
        | Vector128.Equals(values | Vector128.Create((byte)0x02), Vector128.Create((byte)'>'))
        | Vector128.Equals(values | Vector128.Create((byte)0x04), Vector128.Create((byte)'&'))
        | Vector128.Equals(values, Vector128.Create((byte)'\\'));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Read<T>(ref byte at, int offset) where T : unmanaged => Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref at, offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write<T>(ref byte at, int offset, T value)
    where T : unmanaged => Unsafe.WriteUnaligned(ref Unsafe.Add(ref at, offset), value);
}
