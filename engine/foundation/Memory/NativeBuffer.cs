using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// A growable block of native memory: outside the garbage collector, at a fixed address until it grows, 64-byte aligned.
/// Not thread safe; the owner disposes it. With an <see cref="Account"/> it asks there before it grows, and throws
/// <see cref="MemoryAccountFullException"/> where that says no.
/// </summary>
public sealed unsafe class NativeBuffer : IDisposable
{
    private byte* _pointer;

    public NativeBuffer(int capacity = 0)
    {
        if (capacity > 0) Reserve(capacity);
    }

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes that fit before the block moves.</summary>
    public int Capacity { get; private set; }

    /// <summary>Who is asked for the bytes of each growth; null: nobody.</summary>
    public IMemoryAccount? Account { get; set; }

    /// <summary>Start of the memory; changes when the buffer grows.</summary>
    public byte* Pointer => _pointer;

    /// <summary>The written bytes; invalid after the next growth or <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<byte> Written => new(_pointer, Length);

    /// <summary>
    /// At least <paramref name="sizeHint"/> writable bytes behind <see cref="Length"/>. Follow with <see cref="Advance"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)] // once a field of what is written, some hundred thousand times an answer
    public Span<byte> GetSpan(int sizeHint)
    {
        if (Capacity - Length < sizeHint) Grow((long)Length + sizeHint);
        return new Span<byte>(_pointer + Length, Capacity - Length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Advance(int count)
    {
        if ((uint)count > (uint)(Capacity - Length)) ThrowBeyond(count);
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

    /// <summary>Forgets the content and gives the memory back, to the account as well.</summary>
    public void Free()
    {
        Account?.GiveBack(Capacity);
        NativeBlock.Free(_pointer, Capacity);
        _pointer = null;
        Length = Capacity = 0;
    }

    /// <summary>Makes room for <paramref name="capacity"/> bytes in all.</summary>
    public void Reserve(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        if (!TryReserve(capacity)) throw new MemoryAccountFullException(capacity - (long)Capacity);
    }

    /// <summary>The same; false, with nothing changed, if the account has no room.</summary>
    public bool TryReserve(int capacity)
    {
        if (capacity <= Capacity) return true;
        if (Account is { } account && !account.TryTake(capacity - (long)Capacity)) return false;
        _pointer = NativeBlock.Resize(_pointer, Capacity, capacity);
        Capacity = capacity;
        return true;
    }

    /// <summary>Makes room for <paramref name="count"/> more bytes, and for some beyond them; false if the account has none.</summary>
    public bool TryMakeRoom(int count)
    {
        var needed = (long)Length + count;
        return needed <= Capacity || TryReserve(NativeBlock.Grown(Capacity, needed)) || TryReserve((int)Math.Min(needed, Array.MaxLength));
    }

    public void Dispose()
    {
        NativeBlock.Free(_pointer, Capacity);
        _pointer = null;
        Length = Capacity = 0;
        GC.SuppressFinalize(this);
    }

    ~NativeBuffer() => NativeBlock.Free(_pointer, Capacity);

    [DoesNotReturn]
    private void ThrowBeyond(int count) =>
        throw new ArgumentOutOfRangeException(nameof(count), count, $"{Capacity - Length} bytes are free");

    // Exactly what is needed, where the account has no room for more.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(long needed)
    {
        if (needed > Array.MaxLength) throw new InsufficientMemoryException($"a buffer of {needed} bytes: the limit is {Array.MaxLength}");
        if (!TryReserve(NativeBlock.Grown(Capacity, needed))) Reserve((int)needed);
    }
}
