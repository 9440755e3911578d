using Tempo.Engine.Query.Metrics.Compare;
using Tempo.Engine.Query.Metrics.Source;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>One "pipeline | function" of a metrics query: what it reads and how. Shared by threads.</summary>
internal sealed class LeafPlan
{
    public LeafPlan(MetricsPipeline pipeline, bool extrapolates)
    {
        Source = pipeline.Source;
        Stage = pipeline.Stage;
        var compare = Stage as MetricsCompare;
        IsByTrace = compare is not null && !CompareAccumulator.CanSelectRows(compare) || !RowFilter.IsPossible(Source)
            || compare is null && ReferencedAttributes.Of(Stage).Any(FieldReader.IsOfTrace)
            || Stage is MetricsFunction { Kind: MetricsFunctionKind.CountTraces or MetricsFunctionKind.RateTraces };
        NeedsTraces = !IsByTrace && (compare is not null || RowFilter.NeedsTraces(Source));
        Fields = [.. ReferencedAttributes.Of(pipeline).Distinct()];
        StageColumns = FieldColumns.WithoutAttributes(ReferencedAttributes.Of(Stage));
        if (extrapolates) StageColumns |= BatchColumns.TraceState;
        TraceColumns = BatchColumns.Spans | StageColumns | FieldColumns.WithoutAttributes(Fields);
        if (compare is null) return;
        TraceColumns |= BatchColumns.All & ~(BatchColumns.Events | BatchColumns.Links | BatchColumns.Dropped);
        StageColumns |= BatchColumns.Name | BatchColumns.StatusMessage | BatchColumns.Kind | BatchColumns.ResourceServiceNames
            | BatchColumns.ScopeNames | BatchColumns.Roots | BatchColumns.ChildCounts;
    }

    public Pipeline Source { get; }

    public MetricsStage Stage { get; }

    /// <summary>Whole traces have to be put together; else each span decides alone.</summary>
    public bool IsByTrace { get; }

    /// <summary>No span can match: the first filter is the constant false.</summary>
    private bool MatchesNothing => CandidateFilter.Of(Source) is Literal { Value: { Type: TraceQlType.Bool, AsBool: false } };

    /// <summary>The series of what was counted for it. Once, at the end.</summary>
    public List<Series.Series> SeriesOf(SpanAccumulator counted) => MatchesNothing ? [] : counted.ToSeries();

    /// <summary>
    /// Each span decides alone, but asks for facts of its trace: which are known where the trace lies in one block of this engine.
    /// Other traces are put together.
    /// </summary>
    public bool NeedsTraces { get; }

    /// <summary>Such facts that not every page knows: how many children a span has.</summary>
    public bool NeedsChildCounts => Stage is MetricsCompare;

    /// <summary>All fields that it names.</summary>
    public IReadOnlyList<AttributeRef> Fields { get; }

    /// <summary>What counting reads of a span that the source chose, beside its start, and beside attributes.</summary>
    public BatchColumns StageColumns { get; }

    /// <summary>What is read of a whole trace, beside the attributes of <see cref="Fields"/>.</summary>
    public BatchColumns TraceColumns { get; }
}
