using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Peers.Wire;

/// <summary>Many numbers of 64 bits in a message, one behind the other, little-endian.</summary>
internal static class WireNumbers
{
    public static void Append(NativeBuffer output, ReadOnlySpan<ulong> numbers)
    {
        var to = output.GetSpan(numbers.Length * sizeof(ulong));
        if (BitConverter.IsLittleEndian) MemoryMarshal.AsBytes(numbers).CopyTo(to);
        else for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteUInt64LittleEndian(to[(i * sizeof(ulong))..], numbers[i]);
        output.Advance(numbers.Length * sizeof(ulong));
    }

    /// <summary>As many as there are whole ones.</summary>
    public static ulong[] Read(ReadOnlySpan<byte> bytes)
    {
        var numbers = new ulong[bytes.Length / sizeof(ulong)];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i * sizeof(ulong))..]);
        return numbers;
    }
}
