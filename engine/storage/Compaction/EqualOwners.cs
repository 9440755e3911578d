using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// Makes one of the resources of a page that are equal, and of its scopes: in a block each trace names those of its services anew, so that
/// a page has the same few again and again, with nearly a third of its attributes. Whoever comes later looks at each of them once.
/// <para>
/// Codes are compared, not what they stand for: within a page equal codes are equal texts, and two codes for one text only mean that two
/// resources stay two.
/// </para>
/// </summary>
internal sealed class EqualOwners
{
    // Row + 1 of the first of its kind, by hash, at most half full; and of each row the first of its kind.
    private int[] _slots = [];
    private int[] _first = [];

    /// <summary>Lets the spans of the page refer to the first of equal resources and of equal scopes.</summary>
    public void Unify(SpanBatch page)
    {
        var scopes = page.Scopes;
        Unify(page.Resources.Count, row => HashOf(page, row), (a, b) => AreEqual(page, a, b), page.Resource.AsSpan(0, page.SpanCount));
        Unify(scopes.Count, row => HashOf(scopes, row), (a, b) => AreEqual(scopes, a, b), page.Scope.AsSpan(0, page.SpanCount));
    }

    private void Unify(int count, Func<int, ulong> hashOf, Func<int, int, bool> areEqual, Span<int> owners)
    {
        Begin(count);
        for (var row = 0; row < count; row++)
            for (var slot = Slot(hashOf(row)); ; slot = Slot((uint)slot + 1))
                if (IsPlaced(slot, row, out var known) || areEqual(known, row))
                    break;
        foreach (ref var owner in owners) owner = _first[owner];
    }

    private void Begin(int count)
    {
        var slots = 64;
        while (slots < 2 * count) slots *= 2;
        if (_slots.Length < slots) _slots = new int[slots];
        else Array.Clear(_slots);
        GrowableArray.Reserve(ref _first, count);
    }

    private int Slot(ulong hash) => (int)(hash & (uint)(_slots.Length - 1));

    // True: the row is the first of its kind, as far as the slots say. Else it is assumed to be what the slot has.
    private bool IsPlaced(int slot, int row, out int known)
    {
        known = _slots[slot] - 1;
        _first[row] = known < 0 ? row : known;
        if (known < 0) _slots[slot] = row + 1;
        return known < 0;
    }

    // Of all that is compared: what only dedicated columns tell apart would else stand in one line, and each look along all of it.
    private static ulong HashOf(SpanBatch page, int row)
    {
        var r = page.Resources;
        var hash = KeyedHash.Of64((uint)r.ServiceName.Codes[row] | (ulong)r.DroppedAttributes[row] << 32, r.HasServiceName[row],
            HashOf(r.Attributes, r.AttributeStart, row));
        foreach (var column in page.Dedicated)
            if (column.Scope == AttributeScope.Resource)
                hash = KeyedHash.Of64(hash, HashOf(column.Bits.AsSpan(column.Start[row]..column.Start[row + 1])), 0);
        return hash;
    }

    private static bool AreEqual(SpanBatch page, int a, int b)
    {
        var r = page.Resources;
        if (r.ServiceName.Codes[a] != r.ServiceName.Codes[b] || r.HasServiceName[a] != r.HasServiceName[b]
            || r.DroppedAttributes[a] != r.DroppedAttributes[b])
            return false;
        if (!AreEqual(r.Attributes, r.AttributeStart, a, b)) return false;
        foreach (var column in page.Dedicated)
            if (column.Scope == AttributeScope.Resource
                && !column.Bits.AsSpan(column.Start[a]..column.Start[a + 1])
                    .SequenceEqual(column.Bits.AsSpan(column.Start[b]..column.Start[b + 1])))
                return false;
        return true;
    }

    private static ulong HashOf(ScopeColumns s, int row) =>
        KeyedHash.Of64((uint)s.Name.Codes[row] | (ulong)s.DroppedAttributes[row] << 32, (uint)s.Version.Codes[row],
            HashOf(s.Attributes, s.AttributeStart, row));

    private static bool AreEqual(ScopeColumns s, int a, int b) =>
        s.Name.Codes[a] == s.Name.Codes[b] && s.Version.Codes[a] == s.Version.Codes[b] && s.DroppedAttributes[a] == s.DroppedAttributes[b]
            && AreEqual(s.Attributes, s.AttributeStart, a, b);

    // The bits of an array say where its items are, so those are looked at in their place.
    private static ulong HashOf(AttributeColumns attributes, int[] starts, int row)
    {
        var (from, to) = (starts[row], starts[row + 1]);
        if (from == to) return 0;
        var types = TypesOf(attributes, from, to - from);
        var hash = KeyedHash.Of64(
            KeyedHash.Of64(MemoryMarshal.AsBytes(attributes.Keys.AsSpan(from..to))), KeyedHash.Of64(types), (uint)types.Length);
        foreach (var singles in types.SplitAny(ArrayTypes))
        {
            var array = singles.End.Value;
            hash = KeyedHash.Of64(hash, HashOf(attributes.Bits.AsSpan(from..to)[singles]),
                array < types.Length ? HashOf(attributes.ArrayItems(from + array)) : 0);
        }

        return hash;
    }

    private static bool AreEqual(AttributeColumns attributes, int[] starts, int a, int b)
    {
        var (i, j, count) = (starts[a], starts[b], starts[a + 1] - starts[a]);
        if (starts[b + 1] - j != count || !attributes.Keys.AsSpan(i, count).SequenceEqual(attributes.Keys.AsSpan(j, count))) return false;
        var types = TypesOf(attributes, i, count);
        if (!types.SequenceEqual(TypesOf(attributes, j, count))) return false;
        foreach (var singles in types.SplitAny(ArrayTypes))
        {
            var array = singles.End.Value;
            if (!attributes.Bits.AsSpan(i, count)[singles].SequenceEqual(attributes.Bits.AsSpan(j, count)[singles])) return false;
            if (array < count && !attributes.ArrayItems(i + array).SequenceEqual(attributes.ArrayItems(j + array))) return false;
        }

        return true;
    }

    private static ulong HashOf(ReadOnlySpan<long> values) => KeyedHash.Of64(MemoryMarshal.AsBytes(values));

    private static ReadOnlySpan<byte> TypesOf(AttributeColumns attributes, int from, int count) =>
        MemoryMarshal.AsBytes(attributes.Types.AsSpan(from, count));

    private static ReadOnlySpan<byte> ArrayTypes =>
        [(byte)AttributeType.StringArray, (byte)AttributeType.IntArray, (byte)AttributeType.DoubleArray, (byte)AttributeType.BoolArray];
}
