using System.Numerics;
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
        if (Bitmap.IsEmpty(places.Bits)) return;
        var isRepeated = codes.Count > 1 || AnyTwice(places.Bits, starts.AsSpan(0, owners + 1));
        // Who has the key twice needs all types, since the first value that has one counts.
        scope.Batch.RequireAttributes(FilterScope.StorageScopeOf(level), isRepeated || !typed.IsEmpty ? AttributeParts.All : test.Parts, places.Bits);
        MarkPlaces(attributes, starts.AsSpan(0, owners + 1), places.Bits, marks, typed, excluded);
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

    private static bool AnyTwice(ReadOnlySpan<ulong> places, ReadOnlySpan<int> starts)
    {
        var owner = 0;
        var last = -1;
        for (var word = 0; word < places.Length; word++)
            for (var left = places[word]; left != 0; left &= left - 1)
            {
                var place = (word << 6) + BitOperations.TrailingZeroCount(left);
                while (starts[owner + 1] <= place) owner++;
                if (owner == last) return true;
                last = owner;
            }

        return false;
    }

    private void MarkPlaces(AttributeColumns attributes, ReadOnlySpan<int> starts, ReadOnlySpan<ulong> places, Span<ulong> marks, Span<ulong> typed, ReadOnlySpan<ulong> excluded)
    {
        var values = Texts(attributes);
        var owner = 0;
        var done = -1;
        for (var word = 0; word < places.Length; word++)
            for (var left = places[word]; left != 0; left &= left - 1)
            {
                var place = (word << 6) + BitOperations.TrailingZeroCount(left);
                while (starts[owner + 1] <= place) owner++;
                if (owner == done || !excluded.IsEmpty && Bitmap.Get(excluded, owner)) continue;
                var type = attributes.Types[place];
                if (type is AttributeType.Null or > AttributeType.BoolArray) continue;
                done = owner;
                if (!typed.IsEmpty) Bitmap.Set(typed, owner);
                if (Holds(attributes, type, place, values)) Bitmap.Set(marks, owner);
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
