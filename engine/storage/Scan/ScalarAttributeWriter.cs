using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Appends an attribute with a scalar value: what nearly all are, and half of the bytes of a trace. The sizes are known, so it
/// is written forward in one go, where a nested message of unknown size costs a step back for each level.
/// <code>
/// tag  size  0a |key| key…   12 |value|   0a |text| text…        or   18 varint   or   21 eight bytes
/// </code>
/// What a <see cref="TextEntry"/> copies beyond its end is written over by what follows, or lies behind the end.
/// </summary>
internal static class ScalarAttributeWriter
{
    private const int TagBytes = 1;

    /// <summary>Tag and length of the four levels, where every length takes one byte.</summary>
    private const int ShortHeaderBytes = 8;

    /// <summary>Key and text up to this size together: the largest of the lengths, six bytes more, still takes one byte.</summary>
    private const int ShortBytes = 127 - (ShortHeaderBytes - 2);

    /// <summary>A key up to this size, with a number: the largest of the lengths still takes one byte.</summary>
    private const int ShortKeyBytes = ShortBytes - Varint.MaxSizeBytes;

    private const uint AnyKey = KeyValueTag.Key << 16;
    private const uint AnyText = AnyValueTag.StringValue << 16;

    /// <param name="output">Gets the KeyValue.</param>
    /// <param name="tag">Of the field; one byte, as those of all attributes are.</param>
    /// <param name="key">UTF-8.</param>
    /// <param name="text">UTF-8.</param>
    public static void WriteString(NativeBuffer output, uint tag, TextEntry key, TextEntry text)
    {
        // A length below 0, of a code that is none, is a large one as an unsigned number: refused the slower way, before anything is
        // written.
        if ((ulong)(uint)key.Length + (uint)text.Length > ShortBytes)
        {
            WriteLongString(output, tag, key.Bytes, text.Bytes);
            return;
        }

        var total = ShortHeaderBytes + key.Length + text.Length;

        // Room for all and for what the last step writes behind it, so that no step below leaves it.
        ref var to = ref MemoryMarshal.GetReference(output.GetSpan(total + TextEntry.StepBytes));
        WriteFour(ref to, tag | (uint)(total - 2) << 8 | AnyKey | (uint)key.Length << 24);
        key.CopyTo(ref Unsafe.Add(ref to, 4));
        to = ref Unsafe.Add(ref to, 4 + key.Length);
        WriteFour(ref to, (uint)KeyValueTag.Value | (uint)(text.Length + 2) << 8 | AnyText | (uint)text.Length << 24);
        text.CopyTo(ref Unsafe.Add(ref to, 4));
        output.Advance(total);
    }

    private static void WriteLongString(NativeBuffer output, uint tag, ReadOnlySpan<byte> key, ReadOnlySpan<byte> text)
    {
        var valueSize = TagBytes + SizeOf(text.Length) + text.Length;
        var span = Begin(output, tag, key, valueSize, out var at, out var total);
        span[at++] = (byte)AnyValueTag.StringValue;
        at += Varint.Encode(span[at..], (uint)text.Length);
        text.CopyTo(span[at..]);
        output.Advance(total);
    }

    /// <summary>An Int, Bool or Double by its bits.</summary>
    public static void WriteNumber(NativeBuffer output, uint tag, TextEntry key, AttributeType type, long bits)
    {
        if ((uint)key.Length > ShortKeyBytes)
        {
            WriteNumber(output, tag, key.Bytes, type, bits);
            return;
        }

        var valueSize = TagBytes + (type == AttributeType.Double ? sizeof(ulong) : Varint.SizeBytes((ulong)bits));
        var total = 4 + key.Length + 2 + valueSize;
        ref var to = ref MemoryMarshal.GetReference(output.GetSpan(total + TextEntry.StepBytes));
        WriteFour(ref to, tag | (uint)(total - 2) << 8 | AnyKey | (uint)key.Length << 24);
        key.CopyTo(ref Unsafe.Add(ref to, 4));
        to = ref Unsafe.Add(ref to, 4 + key.Length);
        WriteFour(ref to, (uint)KeyValueTag.Value | (uint)valueSize << 8 | TagOf(type) << 16);
        to = ref Unsafe.Add(ref to, 3);
        if (type == AttributeType.Double)
            Unsafe.WriteUnaligned(ref to, BitConverter.IsLittleEndian ? bits : BinaryPrimitives.ReverseEndianness(bits));
        else Varint.Encode(MemoryMarshal.CreateSpan(ref to, Varint.MaxSizeBytes), (ulong)bits);
        output.Advance(total);
    }

    /// <summary>The same, of a key of any size.</summary>
    public static void WriteNumber(NativeBuffer output, uint tag, ReadOnlySpan<byte> key, AttributeType type, long bits)
    {
        var valueSize = TagBytes + (type == AttributeType.Double ? sizeof(ulong) : Varint.SizeBytes((ulong)bits));
        var span = Begin(output, tag, key, valueSize, out var at, out var total);
        span[at++] = (byte)TagOf(type);
        if (type == AttributeType.Double) BinaryPrimitives.WriteInt64LittleEndian(span[at..], bits);
        else Varint.Encode(span[at..], (ulong)bits);
        output.Advance(total);
    }

    private static uint TagOf(AttributeType number) =>
        number == AttributeType.Double ? AnyValueTag.DoubleValue
            : number == AttributeType.Int ? AnyValueTag.IntValue
            : AnyValueTag.BoolValue;

    // Everything in front of the value's own tag.
    private static Span<byte> Begin(NativeBuffer output, uint tag, ReadOnlySpan<byte> key, int valueSize, out int at, out int total)
    {
        var size = TagBytes + SizeOf(key.Length) + key.Length + TagBytes + SizeOf(valueSize) + valueSize;
        total = TagBytes + SizeOf(size) + size;
        var span = output.GetSpan(total);
        span[0] = (byte)tag;
        at = TagBytes + Varint.Encode(span[TagBytes..], (uint)size);
        span[at++] = (byte)KeyValueTag.Key;
        at += Varint.Encode(span[at..], (uint)key.Length);
        key.CopyTo(span[at..]);
        at += key.Length;
        span[at++] = (byte)KeyValueTag.Value;
        at += Varint.Encode(span[at..], (uint)valueSize);
        return span;
    }

    private static int SizeOf(int length) => Varint.SizeBytes((uint)length);

    private static void WriteFour(ref byte to, uint bytes) =>
        Unsafe.WriteUnaligned(ref to, BitConverter.IsLittleEndian ? bytes : BinaryPrimitives.ReverseEndianness(bytes));
}
