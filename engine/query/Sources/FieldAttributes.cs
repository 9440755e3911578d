using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using AttributeScope = Tempo.Engine.TraceQL.Ast.AttributeScope;

namespace Tempo.Engine.Query.Sources;

/// <summary>
/// Brings in the attributes that a query names, of all spans of a page: those of other keys stay unread, and are not there for
/// whoever reads the page. One thread's.
/// </summary>
internal sealed class FieldAttributes
{
    private readonly List<(OwnerLevel Level, KeyTest Key)> _fields = [];

    public FieldAttributes(IEnumerable<AttributeRef> fields)
    {
        foreach (var field in fields.Select(static field => field.IsOfParent ? field.OnParent() : field).Distinct())
            foreach (var level in LevelsOf(field.Scope))
                _fields.Add((level, new KeyTest(field.Name)));
    }

    private static ReadOnlySpan<OwnerLevel> LevelsOf(AttributeScope scope) => scope switch
    {
        AttributeScope.Span => [OwnerLevel.Span],
        AttributeScope.Resource => [OwnerLevel.Resource],
        AttributeScope.Unscoped => [OwnerLevel.Span, OwnerLevel.Resource],
        AttributeScope.Instrumentation => [OwnerLevel.Scope],
        AttributeScope.Event => [OwnerLevel.Event],
        AttributeScope.Link => [OwnerLevel.Link],
        _ => [],
    };

    public void LoadInto(SpanBatch batch, KernelKind kernel)
    {
        foreach (var (level, key) in _fields)
        {
            var scope = FilterScope.StorageScopeOf(level);
            foreach (var column in batch.Dedicated)
                if (column.Scope == scope && column.Key.AsSpan().SequenceEqual(key.Key))
                    batch.RequireDedicated(column);
            batch.RequireAttributes(scope, AttributeParts.KeyTable);
            var attributes = AttributesOf(batch, level);
            var codes = key.CodesIn(kernel, attributes.KeyTable);
            if (codes.Count == 0) continue;
            batch.RequireAttributes(scope, AttributeParts.Keys);
            if (attributes.Count == 0) continue;
            using var places = FilterScope.Rent(attributes.Count);
            using var more = FilterScope.Rent(attributes.Count);
            MarkKernel.Run(kernel, attributes.Keys.AsSpan(0, attributes.Count), new EqualTo<int>(codes[0]), places.Bits);
            for (var i = 1; i < codes.Count; i++)
            {
                MarkKernel.Run(kernel, attributes.Keys.AsSpan(0, attributes.Count), new EqualTo<int>(codes[i]), more.Bits);
                Bitmap.Or(places.Bits, more.Bits);
            }

            if (!Bitmap.IsEmpty(places.Bits)) batch.RequireAttributes(scope, AttributeParts.All, places.Bits);
        }
    }

    private static AttributeColumns AttributesOf(SpanBatch batch, OwnerLevel level) => level switch
    {
        OwnerLevel.Resource => batch.Resources.Attributes,
        OwnerLevel.Scope => batch.Scopes.Attributes,
        OwnerLevel.Event => batch.Events.Attributes,
        OwnerLevel.Link => batch.Links.Attributes,
        _ => batch.SpanAttributes,
    };
}
