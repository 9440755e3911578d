using System.Buffers;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// Tries a test on the attribute of one key, of all owners of a level at once:
/// <code>
/// 1  is the key in the table of keys?                     no: nobody has it, and nothing is read
/// 2  where, in the column of keys?                        one comparison of codes over all attributes
/// 3  of those places: type and value                      the parts that can hold such a value are read only now
/// 4  the first place of each owner with a value counts    as <see cref="FieldReader"/> has it
/// </code>
/// </summary>
internal readonly struct AttributeSearch(FilterScope scope, OwnerLevel level, KeyTest key, ValueTest test)
{
    /// <summary>
    /// Marks the owners whose value passes. <paramref name="typed"/>, if not empty, gets those that have a value of any TraceQL type.
    /// </summary>
    public void Mark(Span<ulong> marks, Span<ulong> typed)
    {
        marks.Clear();
        typed.Clear();
        var storageScope = FilterScope.StorageScopeOf(level);
        scope.Batch.RequireAttributes(storageScope, AttributeParts.KeyTable);
        foreach (var column in scope.Batch.Dedicated)
        {
            if (column.Scope != storageScope || !column.Key.AsSpan().SequenceEqual(key.Key)) continue;
            MarkDedicated(marks, typed);
            return;
        }

        MarkGeneric(marks, typed, default);
    }

    // An owner's own column counts before its generic attributes.
    private void MarkDedicated(Span<ulong> marks, Span<ulong> typed)
    {
        var count = scope.Count(level);
        using var own = FilterScope.Rent(count);
        own.Bits.Clear();
        foreach (var column in scope.Batch.Dedicated)
        {
            if (column.Scope != FilterScope.StorageScopeOf(level) || !column.Key.AsSpan().SequenceEqual(key.Key)) continue;
            scope.Batch.RequireDedicated(column);
            for (var owner = 0; owner < count; owner++)
            {
                if (column.Start[owner + 1] == column.Start[owner] || Bitmap.Get(own.Bits, owner)) continue;
                Bitmap.Set(own.Bits, owner);
                if (HoldsOfDedicated(column, owner)) Bitmap.Set(marks, owner);
            }
        }

        MarkGeneric(marks, typed, own.Bits);
        if (!typed.IsEmpty) Bitmap.Or(typed, own.Bits);
    }

    private bool HoldsOfDedicated(DedicatedColumn column, int owner)
    {
        if (test.IsExistence) return true;
        if (column.Start[owner + 1] - column.Start[owner] > 1) return test.Holds(FieldReader.FromDedicated(column, owner));
        var bits = column.Bits[column.Start[owner]];
        return column.Type == AttributeType.String ? test.HoldsOfText(column.Values, (int)bits) : test.HoldsOfNumber(FieldType.Int, bits);
    }

    private void MarkGeneric(Span<ulong> marks, Span<ulong> typed, ReadOnlySpan<ulong> excluded)
    {
        var (attributes, starts) = scope.Attributes(level);
        var codes = key.CodesIn(scope.Kernel, attributes.KeyTable);
        if (codes.Count == 0) return;
        scope.Batch.RequireAttributes(FilterScope.StorageScopeOf(level), AttributeParts.Keys);
        (attributes, starts) = scope.Attributes(level);
        var owners = scope.Count(level);
        if (owners == 0) return;
        var end = starts[owners];
        using var places = FilterScope.Rent(end);
        FindKey(attributes.Keys.AsSpan(0, end), codes, places.Bits);
        var count = Bitmap.Count(places.Bits);
        if (count == 0) return;
        var found = ArrayPool<int>.Shared.Rent(2 * count);
        try
        {
            var at = found.AsSpan(0, count);
            var of = found.AsSpan(count, count);
            Bitmap.ToRows(places.Bits, at);
            // Who has the key twice needs all types, since the first value that has one counts.
            var isRepeated = FindOwners(at, starts.AsSpan(0, owners + 1), of) || codes.Count > 1;
            scope.Batch.RequireAttributes(FilterScope.StorageScopeOf(level), isRepeated || !typed.IsEmpty ? AttributeParts.All : test.Parts, places.Bits);
            if (isRepeated || !typed.IsEmpty || !excluded.IsEmpty) MarkFirst(attributes, at, of, marks, typed, excluded);
            else if (test.IsWholeRange) MarkWhole(attributes, at, of, marks);
            else if (test.EqualText is not null) MarkEqual(attributes, at, of, marks);
            else MarkAll(attributes, at, of, marks);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(found);
        }
    }

    private void FindKey(ReadOnlySpan<int> keys, List<int> codes, Span<ulong> places)
    {
        MarkKernel.Run(scope.Kernel, keys, new EqualTo<int>(codes[0]), places);
        if (codes.Count == 1) return;
        using var more = FilterScope.Rent(keys.Length);
        for (var i = 1; i < codes.Count; i++)
        {
            MarkKernel.Run(scope.Kernel, keys, new EqualTo<int>(codes[i]), more.Bits);
            Bitmap.Or(places, more.Bits);
        }
    }

    // Whose each place is; true if somebody has two.
    private static bool FindOwners(ReadOnlySpan<int> places, ReadOnlySpan<int> starts, Span<int> owners)
    {
        var owner = 0;
        var last = -1;
        var isRepeated = false;
        for (var i = 0; i < places.Length; i++)
        {
            while (starts[owner + 1] <= places[i]) owner++;
            isRepeated |= owner == last;
            owners[i] = last = owner;
        }

        return isRepeated;
    }

    // A range of whole numbers: mostly there is nothing but ints.
    private void MarkWhole(AttributeColumns attributes, ReadOnlySpan<int> places, ReadOnlySpan<int> owners, Span<ulong> marks)
    {
        var (types, bits) = (attributes.Types, attributes.Bits);
        for (var i = 0; i < places.Length; i++)
        {
            var place = places[i];
            var type = types[place];
            if (type == AttributeType.Int)
            {
                // Without a branch, which nobody could predict.
                marks[owners[i] >> 6] |= (test.HoldsOfWhole(bits[place]) ? 1UL : 0) << owners[i];
            }
            else if (type != AttributeType.Null && Holds(attributes, type, place, null))
            {
                Bitmap.Set(marks, owners[i]);
            }
        }
    }

    // One text: a code, or no entry at all.
    private void MarkEqual(AttributeColumns attributes, ReadOnlySpan<int> places, ReadOnlySpan<int> owners, Span<ulong> marks)
    {
        var equal = test.EqualCodes(scope.Kernel, attributes.Values);
        if (equal.Count == 0) return;
        if (equal.Count > 1)
        {
            MarkAll(attributes, places, owners, marks);
            return;
        }

        var (types, bits, code) = (attributes.Types, attributes.Bits, equal[0]);
        for (var i = 0; i < places.Length; i++)
        {
            var place = places[i];
            if (types[place] == AttributeType.String) marks[owners[i] >> 6] |= (bits[place] == code ? 1UL : 0) << owners[i];
            else if (types[place] == AttributeType.StringArray && test.Holds(FieldReader.FromAttribute(attributes, place))) Bitmap.Set(marks, owners[i]);
        }
    }

    private void MarkAll(AttributeColumns attributes, ReadOnlySpan<int> places, ReadOnlySpan<int> owners, Span<ulong> marks)
    {
        var values = Texts(attributes);
        for (var i = 0; i < places.Length; i++)
            if (attributes.Types[places[i]] is not (AttributeType.Null or > AttributeType.BoolArray) and var type && Holds(attributes, type, places[i], values))
                Bitmap.Set(marks, owners[i]);
    }

    // The first value of a type that each owner has.
    private void MarkFirst(
        AttributeColumns attributes, ReadOnlySpan<int> places, ReadOnlySpan<int> owners, Span<ulong> marks, Span<ulong> typed, ReadOnlySpan<ulong> excluded)
    {
        var values = Texts(attributes);
        var done = -1;
        for (var i = 0; i < places.Length; i++)
        {
            var owner = owners[i];
            if (owner == done || !excluded.IsEmpty && Bitmap.Get(excluded, owner)) continue;
            var type = attributes.Types[places[i]];
            if (type is AttributeType.Null or > AttributeType.BoolArray) continue;
            done = owner;
            if (!typed.IsEmpty) Bitmap.Set(typed, owner);
            if (Holds(attributes, type, places[i], values)) Bitmap.Set(marks, owner);
        }
    }

    private TextAnswers? Texts(AttributeColumns attributes) => test.Literal == FieldType.String ? test.AnswersOf(attributes.Values) : null;

    private bool Holds(AttributeColumns attributes, AttributeType type, int place, TextAnswers? texts)
    {
        if (test.IsExistence) return true;
        return type switch
        {
            AttributeType.String => texts is not null && texts[(int)attributes.Bits[place]],
            AttributeType.Int => test.HoldsOfNumber(FieldType.Int, attributes.Bits[place]),
            AttributeType.Double => test.HoldsOfNumber(FieldType.Float, attributes.Bits[place]),
            _ => test.Holds(FieldReader.FromAttribute(attributes, place)),
        };
    }
}
