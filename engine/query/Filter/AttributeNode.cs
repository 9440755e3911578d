using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// An attribute of one scope against literals, or its existence. The service's name has a column of its own, in which "empty" and
/// "absent" are the same: <c>resource.service.name</c> is always a text, and <c>.service.name</c> absent where it is empty.
/// </summary>
internal sealed class AttributeNode(OwnerLevel level, KeyTest key, ValueTest test, bool isUnscoped) : FilterNode
{
    private readonly bool _isServiceName = level == OwnerLevel.Resource && key.Name == "service.name";

    public override OwnerLevel Level => level;

    public override double Cost => level == OwnerLevel.Span ? 20 : 5;

    // Not every span has the attribute.
    public override double Selectivity => test.AcceptsNil ? test.Selectivity : test.Selectivity / 2;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks) => MarkWithTyped(scope, marks, []);

    /// <summary>Marks also which owners have a value at all, if asked to.</summary>
    public void MarkWithTyped(FilterScope scope, Span<ulong> marks, Span<ulong> typed)
    {
        if (test.IsExistence && typed.IsEmpty)
        {
            using var rented = FilterScope.Rent(scope.Count(level));
            MarkWithTyped(scope, marks, rented.Bits);
            return;
        }

        if (_isServiceName) scope.Batch.Require(BatchColumns.ResourceServiceNames);
        if (_isServiceName && typed.IsEmpty)
        {
            using var rented = FilterScope.Rent(scope.Count(level));
            MarkServices(scope, marks, rented.Bits);
        }
        else
        {
            new AttributeSearch(scope, level, key, test).Mark(marks, typed);
            if (_isServiceName) OverrideServices(scope, marks, typed);
        }

        if (!test.IsExistence) return;
        typed.CopyTo(marks);
        if (test.AcceptsNil) Bitmap.Not(marks, scope.Count(level));
    }

    public override FilterNode? FindExcluding(ISpanFacts facts)
    {
        if (test.AcceptsNil) return null;
        var scope = FilterScope.StorageScopeOf(level);
        if (_isServiceName)
        {
            // The empty name may stand for none, and other types than text stand among the attributes.
            if (test.EqualText is not { Length: > 0 } name || facts.ServiceNames is not { } names) return null;
            return names.Contains(name) || facts.MayHaveText(scope, key.Key, name) ? null : this;
        }

        var may = test.EqualText is { } text ? facts.MayHaveText(scope, key.Key, text)
            : !test.HoldsOfNaN && test.Literal is FieldType.Int or FieldType.Float
                or FieldType.Duration ? facts.MayHaveNumber(scope, key.Key, test.Numbers.Min, test.Numbers.Max)
            : facts.MayHaveKey(scope, key.Key);
        return may ? null : this;
    }

    private void MarkServices(FilterScope scope, Span<ulong> marks, Span<ulong> typed)
    {
        var names = scope.Batch.Resources.ServiceName;
        // A service name of another type than text stands among the attributes: rare, and only looked for where the column is empty.
        if (isUnscoped || HasEmpty(names, scope.Count(level))) new AttributeSearch(scope, level, key, test).Mark(marks, typed);
        else
        {
            marks.Clear();
            typed.Clear();
        }

        OverrideServices(scope, marks, typed);
    }

    private static bool HasEmpty(StringColumn names, int count)
    {
        for (var i = 0; i < count; i++)
            if (names[i].IsEmpty)
                return true;
        return false;
    }

    private void OverrideServices(FilterScope scope, Span<ulong> marks, Span<ulong> typed)
    {
        var count = scope.Count(level);
        var names = scope.Batch.Resources.ServiceName;
        using var found = FilterScope.Rent(count);
        if (test.Literal == FieldType.String) test.MarkTexts(scope.Kernel, names.Codes.AsSpan(0, count), names.Table, found.Bits);
        else found.Bits.Clear();
        for (var i = 0; i < count; i++)
        {
            // Empty: a value of another type counts; without one, resource.service.name is the empty text.
            if (names[i].IsEmpty && (isUnscoped || Bitmap.Get(typed, i))) continue;
            Bitmap.Set(typed, i);
            if (Bitmap.Get(found.Bits, i)) Bitmap.Set(marks, i);
            else marks[i >> 6] &= ~(1UL << i);
        }
    }

    public override string ToString() => $"{(isUnscoped ? "" : level.Name())}.{key.Name} {test}";
}
