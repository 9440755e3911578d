using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// A condition on spans (what stands in <c>{ }</c>), compiled for whole batches: predicates run once per dictionary entry, then on
/// columns of codes and numbers, the cheapest and most selective first; columns of a page that has a loader are read only when
/// candidates are left. Semantics: <see cref="Condition"/>.
/// <para>
/// A batch does not know the whole trace. What depends on it (<c>nestedSetLeft</c>, <c>rootName</c>, <c>traceDuration</c>, …) counts as
/// "may be", so a filter never leaves out a span that matches, and selects exactly those that do if <see cref="IsExact"/>.
/// </para>
/// Keeps what it found out about string tables from batch to batch: one filter serves one thread.
/// </summary>
public sealed class SpanFilter
{
    private readonly FilterNode _root;
    private readonly FilterScope _scope;

    private SpanFilter(FieldExpression expression, KernelKind kernel, bool knowsTraces)
    {
        var operand = OperandCompiler.Compile(expression);
        var compiler = new FilterCompiler(knowsTraces);
        _root = compiler.Compile(operand, isNegated: false);
        IsExact = compiler.IsExact;
        Columns = FieldColumns.Of(operand.Readers().Select(static reader => reader.Reference));
        _scope = new FilterScope(kernel);
    }

    /// <summary>Throws <see cref="QueryException"/> for a condition that cannot be run.</summary>
    public static SpanFilter Create(FieldExpression expression) => Create(expression, KernelChoice.Current);

    /// <summary>The same with a given kernel.</summary>
    public static SpanFilter Create(FieldExpression expression, KernelKind kernel) => new(expression, kernel, knowsTraces: false);

    /// <summary>
    /// For pages of blocks that this engine wrote, and for traces that lie there alone: some facts of the whole trace are then known,
    /// and such a filter may be exact where another is not. On other spans it says nothing.
    /// </summary>
    public static SpanFilter CreateForWholeTraces(FieldExpression expression, KernelKind kernel) =>
        new(expression, kernel, knowsTraces: true);

    /// <summary>Does it select exactly the spans that match? If not, it selects some that only the whole trace can exclude.</summary>
    public bool IsExact { get; }

    /// <summary>From now on marking ends, within a millisecond or so, when this is cancelled.</summary>
    public void Watch(CancellationToken cancellation) => _scope.Cancellation = cancellation;

    /// <summary>Every span is selected.</summary>
    public bool SelectsAll => _root is ConstantNode { Holds: true };

    /// <summary>No span is.</summary>
    public bool SelectsNone => _root is ConstantNode { Holds: false };

    /// <summary>What it reads, for batches without a loader: these must have been read.</summary>
    public BatchColumns Columns { get; }

    /// <summary>
    /// Writes the selected rows among the first <paramref name="spanCount"/> of the batch, ascending, to the front of
    /// <paramref name="selection"/>, which has room for all; the result is how many.
    /// </summary>
    public int Select(SpanBatch batch, int spanCount, Span<int> selection)
    {
        using var marks = FilterScope.Rent(spanCount);
        return Mark(batch, spanCount, marks.Bits) ? Bitmap.ToRows(marks.Bits, selection) : 0;
    }

    /// <summary>The same of all rows of the batch, which nobody is adding to.</summary>
    public int Select(SpanBatch batch, Span<int> selection) => Select(batch, batch.SpanCount, selection);

    /// <summary>
    /// Sets bit i % 64 of word i / 64 for each selected row i, and clears the others; one word for each 64 rows begun. False if no
    /// row is selected.
    /// </summary>
    public bool Mark(SpanBatch batch, int spanCount, Span<ulong> marks)
    {
        if (spanCount == 0) return false;
        _scope.Begin(batch, spanCount);
        using var all = FilterScope.Rent(spanCount);
        Bitmap.Fill(all.Bits, spanCount);
        _root.Mark(_scope, all.Bits, marks);
        return !Bitmap.IsEmpty(marks);
    }

    /// <summary>
    /// The part of the condition that no span of the row group, or page, can meet, by what is known of it without reading; null if it must
    /// be scanned.
    /// </summary>
    public string? FindExcluding(ISpanFacts facts) => _root.FindExcluding(facts)?.ToString();

    /// <summary>What is done, in order.</summary>
    public override string ToString() => _root.ToString();
}
