using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics.Exemplars;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.Query.Metrics.Source;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// compare(): the spans of the pipeline in two parts, those that a filter selects and the others, and for each attribute how
/// often each has which value (specification TraceQL §7.4). Each part lists the values it has most often.
/// </summary>
internal sealed class CompareAccumulator(LeafPlan leaf, MetricsOptions options) : SpanAccumulator
{
    private static readonly string[] ValueTypes = ["baseline", "selection"];
    private static readonly string[] TotalTypes = ["baseline_total", "selection_total"];

    private readonly MetricsCompare _compare = (MetricsCompare)leaf.Stage;
    private readonly Condition _selection = new(((MetricsCompare)leaf.Stage).Selection.Condition);
    private readonly SpanFilter _columns =
        SpanFilter.CreateForWholeTraces(((MetricsCompare)leaf.Stage).Selection.Condition, options.Kernel);
    private readonly CompareAttributes _attributes = new(options.Budget, options.Compared);
    private readonly CompareCounts _counts = new(options.Axis.Count, options.Budget);
    private CompareRows? _rows;
    private byte[] _sides = [];
    private double[] _weightOf = [];
    private readonly SpanWeights? _weights = options.Extrapolates ? new SpanWeights() : null;
    private readonly ExemplarSampler _exemplars = new(options.Axis, options.MaxExemplars);
    private readonly ExemplarLabels _exemplarLabels = new(TraceQL.ReferencedAttributes.Of(leaf.Source));
    private readonly FieldAttributes _exemplarFields = new(leaf.Fields);
    private readonly BatchColumns _exemplarColumns =
        FieldColumns.WithoutAttributes(leaf.Fields.Where(static field => !FieldReader.IsOfTrace(field)));
    private readonly List<(int Attribute, int Value)> _found = [];

    public override void Add(in SpanCursor span, int interval)
    {
        var side = IsSelected(span) ? CompareCounts.Selection : CompareCounts.Baseline;
        var weight = _weights?.Of(span.Batch, span.Row) ?? 1;
        _found.Clear();
        _attributes.Collect(span, _found);
        foreach (var (attribute, value) in _found) _counts.Add(attribute, value, side, interval, weight);
        var (batch, row) = (span.Batch, span.Row);
        var trace = batch.TraceIds[batch.Trace[row]];
        if (_exemplars.IsActive && _exemplars.Wants(trace, batch.StartUnixNano[row], interval))
            _exemplars.Add(new ExemplarCandidate(
                trace, batch.StartUnixNano[row], batch.SpanId[row], side, 0, double.NaN, _exemplarLabels.Of(span)), interval);
    }

    /// <summary>Of traces that lie on the page alone; see <see cref="LeafPlan.NeedsTraces"/>.</summary>
    public override void Add(SpanBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals)
    {
        if (rows.IsEmpty) return;
        RentedArray.Reserve(ref _sides, rows.Length);
        var sides = _sides.AsSpan(0, rows.Length);
        FindSides(batch, rows, sides);
        if (_weights is not null) RentedArray.Reserve(ref _weightOf, rows.Length);
        for (var i = 0; _weights is not null && i < rows.Length; i++) _weightOf[i] = _weights.Of(batch, rows[i]);
        _rows ??= new CompareRows(_attributes, _counts);
        _rows.Add(batch, rows, intervals, sides, _weights is null ? [] : _weightOf.AsSpan(0, rows.Length));
        if (_exemplars.IsActive) OfferExemplars(batch, rows, intervals, sides);
    }

    private void FindSides(SpanBatch batch, ReadOnlySpan<int> rows, Span<byte> sides)
    {
        using var marks = FilterScope.Rent(batch.SpanCount);
        _columns.Mark(batch, batch.SpanCount, marks.Bits);
        for (var i = 0; i < rows.Length; i++)
            sides[i] =
                (byte)(Bitmap.Get(marks.Bits, rows[i]) && IsInBounds(batch, rows[i]) ? CompareCounts.Selection : CompareCounts.Baseline);
    }

    private void OfferExemplars(SpanBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals, ReadOnlySpan<byte> sides)
    {
        for (var i = 0; i < rows.Length; i++)
        {
            var trace = batch.TraceIds[batch.Trace[rows[i]]];
            if (!_exemplars.MayWant(trace) || !_exemplars.Wants(trace, batch.StartUnixNano[rows[i]], intervals[i])) continue;
            batch.Require(_exemplarColumns);
            _exemplarFields.LoadInto(batch);
            // What a page has not read stands for another page, and so does the span's id.
            _exemplars.Add(new ExemplarCandidate(trace, batch.StartUnixNano[rows[i]], 0, sides[i], 0, double.NaN,
                _exemplarLabels.Of(SpanCursor.At(batch, rows[i]))), intervals[i]);
        }
    }

    /// <summary>Can it be decided span by span which part a span belongs to, of traces that lie on a page alone?</summary>
    public static bool CanSelectRows(MetricsCompare compare) =>
        SpanFilter.CreateForWholeTraces(compare.Selection.Condition, KernelChoice.Current).IsExact;

    public override void Release()
    {
        RentedArray.Return(ref _sides);
        RentedArray.Return(ref _weightOf);
        _counts.Release();
        _attributes.Release();
    }

    public override void AddAll(SpanAccumulator other)
    {
        var source = (CompareAccumulator)other;
        source._counts.ForEach((_, entry, interval, count) =>
        {
            var own = _attributes.NumberOf(source._attributes.Field(entry.Attribute), isKnown: true);
            if (own >= 0)
                _counts.Add(own, _attributes.Values(own).InternFrom(source._attributes.Values(entry.Attribute), entry.Value), entry.Side,
                    interval, count);
        });
        _exemplars.AddAll(source._exemplars, [CompareCounts.Baseline, CompareCounts.Selection]);
    }

    public override void Write(PartWriter writer)
    {
        _attributes.Write(writer);
        _counts.Write(writer);
        _exemplars.Write(writer);
    }

    public override void Read(ref PartReader reader)
    {
        _attributes.Read(ref reader);
        _counts.Read(ref reader, _attributes);
        _exemplars.Read(ref reader, groupCount: 2);
    }

    public override List<Series.Series> ToSeries()
    {
        var (listed, crowded) = FindMostFrequent();
        options.CheckSamples(
            listed.Count + listed.DistinctBy(number => (_counts[number].Attribute, _counts[number].Side)).Count() + crowded.Count);
        var (spread, totals) = _counts.Spread([.. listed]);
        var exemplars = _exemplars.Chosen().ToLookup(static candidate => candidate.Group);
        var result = new List<Series.Series>();
        foreach (var number in listed)
        {
            var entry = _counts[number];
            result.Add(new Series.Series(LabelsOf(ValueTypes[entry.Side], entry.Attribute, entry.Value), spread[number]));
        }

        foreach (var ((attribute, side), values) in totals)
        {
            // Every span has a name, so the totals of that attribute stand for all spans.
            var isName = _attributes.Field(attribute).Intrinsic == Intrinsic.Name;
            var own = isName ? exemplars[side].Select(Plain) : [];
            result.Add(new Series.Series(LabelsOf(TotalTypes[side], attribute, 0), values) { Exemplars = [.. own] });
        }

        foreach (var attribute in crowded)
        {
            AttributeResult[] labels =
                [new("__error", "__too_many_values__"), new(_attributes.Field(attribute).ToString(), ShownValue.Nil)];
            result.Add(new Series.Series(labels, new double[options.Axis.Count]));
        }

        return result;
    }

    // Numbers of the entries that each attribute has most often on each side, and attributes that have more.
    private (List<int> Listed, SortedSet<int> Crowded) FindMostFrequent()
    {
        var rarestFirst = Comparer<int>.Create(CompareFrequency);
        var most = new Dictionary<(int Attribute, int Side), PriorityQueue<int, int>>();
        var crowded = new SortedSet<int>();
        for (var number = 0; number < _counts.EntryCount; number++)
        {
            var (attribute, _, side, _) = _counts[number];
            if (!most.TryGetValue((attribute, side), out var numbers))
                most.Add((attribute, side), numbers = new PriorityQueue<int, int>(rarestFirst));
            if (numbers.Count < _compare.TopValues)
            {
                numbers.Enqueue(number, number);
                continue;
            }

            crowded.Add(attribute);
            numbers.EnqueueDequeue(number, number);
        }

        return ([.. most.Values.SelectMany(static numbers => numbers.UnorderedItems, static (_, item) => item.Element)], crowded);
    }

    // The rarer of two values of an attribute first; of values that are equally frequent the last in the order of labels goes first.
    private int CompareFrequency(int a, int b)
    {
        var (left, right) = (_counts[a], _counts[b]);
        return left.Total != right.Total
            ? left.Total.CompareTo(right.Total)
            : _attributes.Values(left.Attribute).CompareLabels(right.Value, left.Value);
    }

    private bool IsSelected(in SpanCursor span)
    {
        return IsInBounds(span.Batch, span.Row) && _selection.Test(span) == Truth.True;
    }

    private bool IsInBounds(SpanBatch batch, int row)
    {
        if (_compare.StartUnixNano is not { } start) return true;
        var at = batch.StartUnixNano[row];
        return at > (ulong)start && at <= (ulong)_compare.EndUnixNano!.Value;
    }

    private SeriesExemplar Plain(ExemplarCandidate span) => new(span, options.Axis.IndexOf(span.StartUnixNano), double.NaN);

    private AttributeResult[] LabelsOf(string type, int attribute, int value) =>
    [
        new("__meta_type", type), new(
            _attributes.Field(attribute).ToString(), _attributes.Values(attribute).Label(value) ?? ShownValue.Nil),
    ];
}
