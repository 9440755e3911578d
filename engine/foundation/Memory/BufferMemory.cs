using System.Buffers;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Bytes of a <see cref="NativeBuffer"/> as <see cref="Memory{T}"/>, for streams, which take no span. What it gives is
/// good until the buffer grows or is disposed, or the next call; whoever uses it holds the buffer meanwhile. Not thread safe.
/// </summary>
public sealed unsafe class BufferMemory : MemoryManager<byte>
{
    private byte* _start;
    private int _length;

    /// <summary>What is written.</summary>
    public ReadOnlyMemory<byte> WrittenOf(NativeBuffer buffer)
    {
        _start = buffer.Pointer;
        _length = buffer.Length;
        return CreateMemory(_length);
    }

    /// <summary>The next <paramref name="count"/> free bytes behind them, for which there must be room already.</summary>
    public Memory<byte> FreeOf(NativeBuffer buffer, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(buffer.Capacity - buffer.Length));
        _start = buffer.Pointer + buffer.Length;
        _length = count;
        return CreateMemory(count);
    }

    public override Span<byte> GetSpan() => new(_start, _length);

    /// <summary>Native memory stays where it is.</summary>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)_length);
        return new MemoryHandle(_start + elementIndex);
    }

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
        _start = null;
        _length = 0;
    }
}
