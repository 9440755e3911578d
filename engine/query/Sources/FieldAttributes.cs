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
    private readonly FilterScope _scope = new(KernelChoice.Current);

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

    /// <summary>Nothing happens to a batch that has no loader: all is there.</summary>
    public void LoadInto(SpanBatch batch)
    {
        if (batch.Loader is null || _fields.Count == 0) return;
        _scope.Begin(batch, batch.SpanCount);
        foreach (var (level, key) in _fields)
        {
            var scope = FilterScope.StorageScopeOf(level);
            foreach (var column in batch.Dedicated)
                if (column.Scope == scope && column.Key.AsSpan().SequenceEqual(key.Key))
                    batch.RequireDedicated(column);
            _scope.Find(level, key, AttributeParts.Texts);
        }
    }
}
