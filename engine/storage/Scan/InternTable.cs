using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;
using System.Text.Unicode;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// A string table that gives equal strings the same code. Code 0 is the empty string.
/// <para>
/// Open addressing over 64-bit slots (hash &lt;&lt; 32 | code + 1), linear probing, at most half full: a hit costs one slot, one
/// offset pair and one comparison, which is the cost of ingest (two look-ups per attribute). The codes do not depend on the
/// hash, which differs from process to process.
/// </para>
/// </summary>
public sealed class InternTable : StringTable
{
    /// <summary>The empty string's code.</summary>
    public const int Empty = 0;

    private ulong[] _slots;

    // Entries that are no text have slots of their own, made when the first one comes.
    private ulong[] _rawSlots = [];
    private int _rawCount;
    private readonly bool _isRented;

    /// <param name="expectedCount">Entries that there is room for at first.</param>
    /// <param name="expectedBytes">The same of all their bytes.</param>
    /// <param name="isRented">
    /// Its memory is the process's pool's, doubles and goes back when it is outgrown or with <see cref="Release"/>: for a query's values,
    /// which would else leave several times their size as garbage. Nobody else may hold what it has.
    /// </param>
    public InternTable(int expectedCount = 256, int expectedBytes = 4096, bool isRented = false)
        : base(isRented ? ArrayPool<byte>.Shared.Rent(expectedBytes) : new byte[expectedBytes],
            isRented ? ArrayPool<int>.Shared.Rent(expectedCount + 2) : new int[expectedCount + 2], 1)
    {
        _isRented = isRented;
        Offsets[0] = Offsets[1] = 0;
        _slots = NewSlots((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, expectedCount * 2)));
        Insert(_slots, KeyedHash.Of([]), 0);
    }

    /// <summary>The code of <paramref name="value"/>, added if it is new.</summary>
    public int Intern(ReadOnlySpan<byte> value)
    {
        var hash = KeyedHash.Of(value);
        var code = Find(_slots, value, hash);
        return code >= 0 ? code : Add(value, hash);
    }

    /// <summary>
    /// As <see cref="Intern"/>, for bytes that share the table with text: those that are no UTF-8 are found by nothing but this,
    /// or the code of such bytes would be given to a text of the same bytes, which must be repaired.
    /// </summary>
    public int InternRaw(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes)) return Intern(bytes);
        if (_rawCount * 2 >= _rawSlots.Length) _rawSlots = _rawSlots.Length == 0 ? NewSlots(16) : Doubled(_rawSlots);
        var hash = KeyedHash.Of(bytes);
        var code = Find(_rawSlots, bytes, hash);
        if (code >= 0) return code;
        code = Append(bytes);
        _rawCount++;
        Insert(_rawSlots, hash, code);
        return code;
    }

    /// <summary>Asks for the memory that a look-up of this hash begins with.</summary>
    public unsafe void Prefetch(uint hash)
    {
        if (Sse.IsSupported) Sse.Prefetch0(Unsafe.AsPointer(ref _slots[(int)hash & (_slots.Length - 1)]));
    }

    /// <summary>The code of <paramref name="value"/>, -1 if it is not there.</summary>
    public int TryFind(ReadOnlySpan<byte> value) => Find(_slots, value, KeyedHash.Of(value));

    /// <summary>Texts that were not UTF-8, since the beginning; each time they came.</summary>
    public long ReplacedCount { get; private set; }

    /// <summary>
    /// As <see cref="Intern"/>, for text: what is not UTF-8 in it becomes U+FFFD, so that no reader is ever handed text it must refuse.
    /// Costs nothing for text that is there already.
    /// </summary>
    public int InternText(ReadOnlySpan<byte> text) => text.IsEmpty ? Empty : InternText(text, KeyedHash.Of(text));

    /// <summary>The same, given the text's <see cref="KeyedHash"/>, whose slot may have been asked for by <see cref="Prefetch"/>.</summary>
    public int InternText(ReadOnlySpan<byte> text, uint hash)
    {
        if (text.IsEmpty) return Empty;
        var code = Find(_slots, text, hash);
        if (code >= 0) return code;
        if (Utf8.IsValid(text)) return Add(text, hash);
        ReplacedCount++;
        return Intern(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Find(ulong[] slots, ReadOnlySpan<byte> value, uint hash)
    {
        var mask = slots.Length - 1;
        for (var i = (int)hash & mask; ; i = (i + 1) & mask)
        {
            var slot = slots[i];
            if (slot == 0) return -1;
            if ((uint)(slot >> 32) != hash) continue;
            var code = (int)(uint)slot - 1;
            if (Is(code, value)) return code;
        }
    }

    /// <summary>True if the entry is <paramref name="value"/>: without a call where it has 8 to 32 bytes, as most have.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Is(int code, ReadOnlySpan<byte> value)
    {
        var offsets = Offsets;
        var start = offsets[code];
        if (offsets[code + 1] - start != value.Length) return false;
        var entry = Bytes.AsSpan(start, value.Length);
        ref var a = ref MemoryMarshal.GetReference(entry);
        ref var b = ref MemoryMarshal.GetReference(value);
        var length = value.Length;
        // Both reads lie within both spans, which are equally long.
        if (length is >= 16 and <= 32)
        {
            var first = Vector128.LoadUnsafe(ref a) ^ Vector128.LoadUnsafe(ref b);
            var last = Vector128.LoadUnsafe(ref a, (nuint)(length - 16)) ^ Vector128.LoadUnsafe(ref b, (nuint)(length - 16));
            return (first | last) == Vector128<byte>.Zero;
        }

        if (length is >= 8 and < 16)
        {
            var first = Unsafe.ReadUnaligned<ulong>(ref a) ^ Unsafe.ReadUnaligned<ulong>(ref b);
            var last = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref a, length - 8))
                ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref b, length - 8));
            return (first | last) == 0;
        }

        return entry.SequenceEqual(value);
    }

    /// <summary>Forgets all entries but the empty string; keeps the memory.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        Array.Clear(_rawSlots);
        Count = 1;
        _rawCount = 0;
        Insert(_slots, KeyedHash.Of([]), 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Add(ReadOnlySpan<byte> value, uint hash)
    {
        var code = Append(value);
        if (Count * 2 > _slots.Length) _slots = Doubled(_slots);
        Insert(_slots, hash, code);
        return code;
    }

    private int Append(ReadOnlySpan<byte> value)
    {
        var code = Count;
        var start = Offsets[code];
        if (start + value.Length > Bytes.Length) Bytes = Grown(Bytes, start, checked(start + value.Length));
        if (code + 2 > Offsets.Length) Offsets = Grown(Offsets, code + 1, code + 2);
        value.CopyTo(Bytes.AsSpan(start));
        Offsets[code + 1] = start + value.Length;
        Count = code + 1;
        return code;
    }

    /// <summary>Gives the memory back, if it was rented; nothing is asked of the table any more.</summary>
    public void Release()
    {
        if (!_isRented) return;
        ArrayPool<byte>.Shared.Return(Bytes);
        ArrayPool<int>.Shared.Return(Offsets);
        PooledArray.Return(ref _slots);
        PooledArray.Return(ref _rawSlots);
        (Bytes, Offsets, Count) = ([], [], 0);
    }

    private T[] Grown<T>(T[] array, int used, int needed)
    {
        if (_isRented)
        {
            PooledArray.Reserve(ref array, used, (int)Math.Min(needed + 16L, Array.MaxLength));
            return array;
        }

        var grown = GC.AllocateUninitializedArray<T>(GrowableArray.Grown(array.Length, needed + 16L));
        Array.Copy(array, grown, used);
        return grown;
    }

    private ulong[] NewSlots(int count) => _isRented ? PooledArray.RentZeros<ulong>(count) : new ulong[count];

    private ulong[] Doubled(ulong[] slots)
    {
        var doubled = NewSlots(slots.Length * 2);
        foreach (var slot in slots)
            if (slot != 0)
                Insert(doubled, (uint)(slot >> 32), (int)(uint)slot - 1);
        if (_isRented) PooledArray.Return(ref slots);
        return doubled;
    }

    private static void Insert(ulong[] slots, uint hash, int code)
    {
        var mask = slots.Length - 1;
        var i = (int)hash & mask;
        while (slots[i] != 0) i = (i + 1) & mask;
        slots[i] = (ulong)hash << 32 | (uint)(code + 1);
    }
}
