using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary>A text that every owner has: the test is run once per entry of its table, then codes are compared.</summary>
internal sealed class TextColumnNode(Intrinsic intrinsic, ValueTest test) : FilterNode
{
    public override OwnerLevel Level => intrinsic switch
    {
        Intrinsic.InstrumentationName or Intrinsic.InstrumentationVersion => OwnerLevel.Scope,
        Intrinsic.EventName => OwnerLevel.Event,
        _ => OwnerLevel.Span,
    };

    public override double Cost => 2;

    public override double Selectivity => test.Selectivity;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        scope.Batch.Require(intrinsic switch
        {
            Intrinsic.Name => BatchColumns.Name,
            Intrinsic.StatusMessage => BatchColumns.StatusMessage,
            Intrinsic.EventName => BatchColumns.EventRows,
            _ => BatchColumns.ScopeNames,
        });
        var column = ColumnOf(scope.Batch);
        test.MarkTexts(scope.Kernel, column.Codes.AsSpan(0, scope.Count(Level)), column.Table, marks);
    }

    public override FilterNode? FindExcluding(ISpanFacts facts)
    {
        if (test.EqualText is { } text && ColumnNamed is { } column) return facts.MayHaveText(column, text) ? null : this;
        return intrinsic == Intrinsic.Name && facts.Names is { } names && !test.HoldsOfAny(names) ? this : null;
    }

    private TextColumn? ColumnNamed => intrinsic switch
    {
        Intrinsic.Name => TextColumn.Name,
        Intrinsic.StatusMessage => TextColumn.StatusMessage,
        Intrinsic.EventName => TextColumn.EventName,
        _ => null,
    };

    private StringColumn ColumnOf(SpanBatch batch) => intrinsic switch
    {
        Intrinsic.Name => batch.Name,
        Intrinsic.StatusMessage => batch.StatusMessage,
        Intrinsic.InstrumentationName => batch.Scopes.Name,
        Intrinsic.InstrumentationVersion => batch.Scopes.Version,
        _ => batch.Events.Name,
    };

    public override string ToString() => $"{intrinsic.Name()} {test}";
}
