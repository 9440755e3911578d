using System.Runtime.InteropServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// A growable block of native memory: outside the garbage collector, at a fixed address until it grows, 64-byte aligned.
/// Not thread safe; the owner disposes it.
/// </summary>
public sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint Alignment = 64;
    private byte* _pointer;

    public NativeBuffer(int capacity = 0)
    {
        if (capacity > 0) Reserve(capacity);
    }

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes that fit before the block moves.</summary>
    public int Capacity { get; private set; }

    /// <summary>Start of the memory; changes when the buffer grows.</summary>
    public byte* Pointer => _pointer;

    /// <summary>The written bytes; invalid after the next growth or <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<byte> Written => new(_pointer, Length);

    /// <summary>
    /// At least <paramref name="sizeHint"/> writable bytes behind <see cref="Length"/>. Follow with <see cref="Advance"/>.
    /// </summary>
    public Span<byte> GetSpan(int sizeHint)
    {
        var free = Capacity - Length;
        if (free < sizeHint)
        {
            Reserve((int)Math.Min(Math.Max((long)Length + sizeHint, Capacity * 2L), Array.MaxLength));
            free = Capacity - Length;
        }

        return new Span<byte>(_pointer + Length, free);
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(Capacity - Length));
        Length += count;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>Takes back what was written behind <paramref name="length"/>.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Length);
        Length = length;
    }

    /// <summary>Forgets the content, keeps the memory.</summary>
    public void Clear() => Length = 0;

    /// <summary>Makes room for <paramref name="capacity"/> bytes in all.</summary>
    public void Reserve(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        if (capacity <= Capacity) return;
        _pointer = (byte*)NativeMemory.AlignedRealloc(_pointer, (nuint)capacity, Alignment);
        Capacity = capacity;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
        Length = Capacity = 0;
        GC.SuppressFinalize(this);
    }

    ~NativeBuffer() => NativeMemory.AlignedFree(_pointer);
}
