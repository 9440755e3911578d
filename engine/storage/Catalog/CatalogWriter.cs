using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>Writes what <see cref="CatalogReader"/> reads.</summary>
internal static class CatalogWriter
{
    public static void WriteHead(NativeBuffer output, bool hasAllKeys, int keyCount)
    {
        WriteNumber(output, hasAllKeys ? 0 : 1);
        WriteNumber(output, keyCount);
    }

    public static void WriteKey(
        NativeBuffer output, CatalogScope scope, CatalogKey key, int valueCount, bool hasAllValues, ReadOnlySpan<byte> values)
    {
        WriteByte(output, (byte)scope);
        WriteBytes(output, key.Key);
        WriteNumber(output, (long)key.Types);
        WriteNumber(output, key.OwnerCount);
        WriteNumber(output, key.EstimateDistinct());
        WriteNumber(output, hasAllValues ? 1 : 0);
        WriteNumber(output, valueCount);
        WriteBytes(output, values);
    }

    public static void WriteValue(NativeBuffer output, CatalogValueType type, ReadOnlySpan<byte> text, long bits, long count)
    {
        WriteByte(output, (byte)type);
        if (type == CatalogValueType.Text)
        {
            WriteBytes(output, text);
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), bits);
            output.Advance(8);
        }

        WriteNumber(output, count);
    }

    private static void WriteByte(NativeBuffer output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    private static void WriteBytes(NativeBuffer output, ReadOnlySpan<byte> bytes)
    {
        WriteNumber(output, bytes.Length);
        output.Append(bytes);
    }

    private static void WriteNumber(NativeBuffer output, long number) =>
        output.Advance(Varint.Encode(output.GetSpan(Varint.MaxSizeBytes), (ulong)number));
}
