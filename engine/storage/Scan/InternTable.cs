using System.Numerics;
using System.Runtime.CompilerServices;
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
    private int _mask;

    public InternTable(int expectedCount = 256, int expectedBytes = 4096)
        : base(new byte[expectedBytes], new int[expectedCount + 2], 1)
    {
        _slots = new ulong[(int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, expectedCount * 2))];
        _mask = _slots.Length - 1;
        Insert(KeyedHash.Of([]), 0);
    }

    /// <summary>The code of <paramref name="value"/>, added if it is new.</summary>
    public int Intern(ReadOnlySpan<byte> value)
    {
        var hash = KeyedHash.Of(value);
        var code = Find(value, hash);
        return code >= 0 ? code : Add(value, hash);
    }

    /// <summary>The code of <paramref name="value"/>, -1 if it is not there.</summary>
    public int TryFind(ReadOnlySpan<byte> value) => Find(value, KeyedHash.Of(value));

    /// <summary>
    /// As <see cref="Intern"/>, for text: what is not UTF-8 in it becomes U+FFFD, so that no reader is ever handed text it must refuse. Costs
    /// nothing for text that is there already.
    /// </summary>
    public int InternText(ReadOnlySpan<byte> text)
    {
        var hash = KeyedHash.Of(text);
        var code = Find(text, hash);
        if (code >= 0) return code;
        return Utf8.IsValid(text) ? Add(text, hash) : Intern(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Find(ReadOnlySpan<byte> value, uint hash)
    {
        var slots = _slots;
        for (var i = (int)hash & _mask; ; i = (i + 1) & _mask)
        {
            var slot = slots[i];
            if (slot == 0) return -1;
            if ((uint)(slot >> 32) != hash) continue;
            var code = (int)(uint)slot - 1;
            if (this[code].SequenceEqual(value)) return code;
        }
    }

    /// <summary>Forgets all entries but the empty string; keeps the memory.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        Count = 1;
        Insert(KeyedHash.Of([]), 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Add(ReadOnlySpan<byte> value, uint hash)
    {
        var code = Count;
        var start = Offsets[code];
        if (start + value.Length > Bytes.Length) Bytes = Grown(Bytes, start, checked(start + value.Length));
        if (code + 2 > Offsets.Length) Offsets = Grown(Offsets, code + 1, code + 2);
        value.CopyTo(Bytes.AsSpan(start));
        Offsets[code + 1] = start + value.Length;
        Count = code + 1;
        if (Count * 2 > _slots.Length) Rehash();
        Insert(hash, code);
        return code;
    }

    private static T[] Grown<T>(T[] array, int used, int needed)
    {
        var grown = GC.AllocateUninitializedArray<T>(GrowableArray.Grown(array.Length, needed + 16L));
        Array.Copy(array, grown, used);
        return grown;
    }

    private void Rehash()
    {
        var old = _slots;
        _slots = new ulong[old.Length * 2];
        _mask = _slots.Length - 1;
        foreach (var slot in old)
            if (slot != 0)
                Insert((uint)(slot >> 32), (int)(uint)slot - 1);
    }

    private void Insert(uint hash, int code)
    {
        var i = (int)hash & _mask;
        while (_slots[i] != 0) i = (i + 1) & _mask;
        _slots[i] = (ulong)hash << 32 | (uint)(code + 1);
    }
}
