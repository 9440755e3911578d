using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// Tries a test on the attribute of one key, of all owners of a level at once. The first value of an owner that has a type counts, as
/// <see cref="FieldReader"/> has it; a column of the key's own comes before generic attributes.
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
        if (scope.Count(level) == 0) return;
        var found = scope.Find(level, key, test.Parts);
        if (found.Count == 0) return;
        var owners = found.Owners.AsSpan(0, found.Count);
        // Who has the key twice needs all types, since the first value that has one counts.
        if (found.IsRepeated || !typed.IsEmpty || !excluded.IsEmpty) MarkFirst(found.Values, owners, marks, typed, excluded);
        else if (test.IsWholeRange) MarkWhole(found.Values, owners, marks);
        else if (test.EqualText is not null) MarkEqual(found.Values, owners, marks);
        else MarkAll(found.Values, owners, marks);
    }

    // A range of whole numbers: mostly there is nothing but ints.
    private void MarkWhole(AttributeColumns values, ReadOnlySpan<int> owners, Span<ulong> marks)
    {
        var types = values.Types.AsSpan(0, owners.Length);
        var bits = values.Bits.AsSpan(0, owners.Length);
        for (var i = 0; i < owners.Length; i++)
        {
            // Without a branch, which nobody could predict.
            if (types[i] == AttributeType.Int) marks[owners[i] >> 6] |= (test.HoldsOfWhole(bits[i]) ? 1UL : 0) << owners[i];
            else if (types[i] != AttributeType.Null && Holds(values, types[i], i, null)) Bitmap.Set(marks, owners[i]);
        }
    }

    // One text: a code, or no entry at all.
    private void MarkEqual(AttributeColumns values, ReadOnlySpan<int> owners, Span<ulong> marks)
    {
        var equal = test.EqualCodes(scope.Kernel, values.Values);
        if (equal.Count == 0) return;
        if (equal.Count > 1)
        {
            MarkAll(values, owners, marks);
            return;
        }

        var code = equal[0];
        var types = values.Types.AsSpan(0, owners.Length);
        var bits = values.Bits.AsSpan(0, owners.Length);
        for (var i = 0; i < owners.Length; i++)
        {
            if (types[i] == AttributeType.String) marks[owners[i] >> 6] |= (bits[i] == code ? 1UL : 0) << owners[i];
            else if (types[i] == AttributeType.StringArray && test.Holds(FieldReader.FromAttribute(values, i)))
                Bitmap.Set(marks, owners[i]);
        }
    }

    private void MarkAll(AttributeColumns values, ReadOnlySpan<int> owners, Span<ulong> marks)
    {
        var texts = Texts(values);
        for (var i = 0; i < owners.Length; i++)
            if (values.Types[i] is not (AttributeType.Null or > AttributeType.BoolArray) and var type && Holds(values, type, i, texts))
                Bitmap.Set(marks, owners[i]);
    }

    // The first value of a type that each owner has.
    private void MarkFirst(
        AttributeColumns values, ReadOnlySpan<int> owners, Span<ulong> marks, Span<ulong> typed, ReadOnlySpan<ulong> excluded)
    {
        var texts = Texts(values);
        var done = -1;
        for (var i = 0; i < owners.Length; i++)
        {
            var owner = owners[i];
            if (owner == done || !excluded.IsEmpty && Bitmap.Get(excluded, owner)) continue;
            var type = values.Types[i];
            if (type is AttributeType.Null or > AttributeType.BoolArray) continue;
            done = owner;
            if (!typed.IsEmpty) Bitmap.Set(typed, owner);
            if (Holds(values, type, i, texts)) Bitmap.Set(marks, owner);
        }
    }

    private TextAnswers? Texts(AttributeColumns values) => test.Literal == FieldType.String ? test.AnswersOf(values.Values) : null;

    private bool Holds(AttributeColumns values, AttributeType type, int index, TextAnswers? texts)
    {
        if (test.IsExistence) return true;
        return type switch
        {
            AttributeType.String => texts is not null && texts[(int)values.Bits[index]],
            AttributeType.Int => test.HoldsOfNumber(FieldType.Int, values.Bits[index]),
            AttributeType.Double => test.HoldsOfNumber(FieldType.Float, values.Bits[index]),
            _ => test.Holds(FieldReader.FromAttribute(values, index)),
        };
    }
}
