using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics.Keys;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;

namespace Tempo.Engine.Query.Metrics.Exemplars;

/// <summary>
/// Exemplars of what a function counts: of each trace the earliest of the spans that are together in a batch and have the value that is
/// measured. Once all places are taken, most traces can nowhere be among the kept ones, and their spans are not looked at. Not thread safe.
/// </summary>
internal sealed class FunctionExemplars
{
    private readonly TimeAxis _axis;
    private readonly SeriesKeys _keys;
    private readonly NumberColumn? _numbers;
    private readonly bool _isBucketed;
    private readonly ExemplarSampler _sampler;
    private readonly ExemplarLabels _labels;
    private readonly FieldAttributes _fields;
    private readonly BatchColumns _columns;

    /// <param name="leaf">The part of the query.</param>
    /// <param name="options">How many, and when.</param>
    /// <param name="keys">Number groups.</param>
    /// <param name="numbers">What is measured; null: nothing, spans are counted.</param>
    /// <param name="isBucketed">Its bucket counts, and not the number.</param>
    public FunctionExemplars(LeafPlan leaf, MetricsOptions options, SeriesKeys keys, NumberColumn? numbers, bool isBucketed)
    {
        (_axis, _keys, _numbers, _isBucketed) = (options.Axis, keys, numbers, isBucketed);
        _sampler = new ExemplarSampler(options.Axis, options.MaxExemplars);
        _fields = new FieldAttributes(leaf.Fields);
        // Those of the trace are not known where rows are counted.
        _columns = FieldColumns.WithoutAttributes(leaf.Fields.Where(static field => !FieldReader.IsOfTrace(field)));
        _labels = new ExemplarLabels(ReferencedAttributes.Of(leaf.Source).Concat(ReferencedAttributes.Of(leaf.Stage)).Distinct());
    }

    /// <summary>Those that were chosen, by their groups.</summary>
    public ILookup<int, ExemplarCandidate> ByGroup() => _sampler.Chosen().ToLookup(static candidate => candidate.Group);

    public void AddAll(FunctionExemplars other, int[] groups) => _sampler.AddAll(other._sampler, groups);

    public void Write(PartWriter writer) => _sampler.Write(writer);

    public void Read(ref PartReader reader, int groupCount) => _sampler.Read(ref reader, groupCount);

    public void Offer(in CountedRows counted)
    {
        if (!_sampler.IsActive) return;
        if (counted.Batch.TraceStart.Length > 0)
        {
            OfferOfPage(counted);
            return;
        }

        var traces = counted.Batch.Trace;
        var rows = counted.Rows;
        for (var i = 0; i < rows.Length;)
        {
            var trace = traces[rows[i]];
            if (_sampler.MayWant(counted.Batch.TraceIds[trace]))
            {
                i = OfferTrace(counted, i);
                continue;
            }

            while (i < rows.Length && traces[rows[i]] == trace) i++;
        }
    }

    // On a page of a block traces ascend and their spans lie together.
    private void OfferOfPage(in CountedRows counted)
    {
        var (batch, next) = (counted.Batch, 0);
        var rows = counted.Rows;
        for (var trace = 0; trace < batch.TraceCount && next < rows.Length; trace++)
        {
            if (!_sampler.MayWant(batch.TraceIds[trace], batch.TraceStart[trace], batch.TraceEnd[trace])) continue;
            next = FirstOf(batch.Trace, rows, next, trace);
            if (next < rows.Length && batch.Trace[rows[next]] == trace) next = OfferTrace(counted, next);
        }
    }

    /// <summary>The same of all rows of a page, whose intervals and groups were not written down, and which have no value.</summary>
    public void OfferAll(SpanBatch page)
    {
        if (!_sampler.IsActive) return;
        var traces = page.Trace.AsSpan(0, page.SpanCount);
        for (var trace = 0; trace < page.TraceCount; trace++)
        {
            if (!_sampler.MayWant(page.TraceIds[trace], page.TraceStart[trace], page.TraceEnd[trace])) continue;
            var row = traces.BinarySearch(trace);
            if (row < 0) continue;
            while (row > 0 && traces[row - 1] == trace) row--;
            var first = row;
            for (; row < traces.Length && traces[row] == trace; row++)
                if (page.StartUnixNano[row] < page.StartUnixNano[first])
                    first = row;
            var span = SpanCursor.At(page, first);
            Offer(span, _axis.IndexOf(page.StartUnixNano[first]), _keys.NumberOf(span));
        }
    }

    // The first of the rows, from one on, that is not of a trace before this.
    private static int FirstOf(int[] traces, ReadOnlySpan<int> rows, int from, int trace)
    {
        if (traces[rows[from]] >= trace) return from;
        var (low, high) = (from + 1, rows.Length);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (traces[rows[middle]] < trace) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    // The earliest, of those that count, of the rows that follow each other and are of one trace; the result is the row behind them.
    private int OfferTrace(in CountedRows counted, int from)
    {
        var rows = counted.Rows;
        var (traces, starts) = (counted.Batch.Trace, counted.Batch.StartUnixNano);
        var trace = traces[rows[from]];
        var (first, i) = (-1, from);
        for (; i < rows.Length && traces[rows[i]] == trace; i++)
            if ((first < 0 || starts[rows[i]] < starts[rows[first]]) && counted.HasValue(i))
                first = i;
        if (first >= 0) Offer(SpanCursor.At(counted.Batch, rows[first]), counted.Intervals[first], counted.Groups[first]);
        return i;
    }

    public void Offer(in SpanCursor span, int interval, int group)
    {
        if (!_sampler.IsActive) return;
        var (batch, row) = (span.Batch, span.Row);
        var trace = batch.TraceIds[batch.Trace[row]];
        if (!_sampler.Wants(trace, batch.StartUnixNano[row], interval)) return;
        batch.Require(_columns);
        _fields.LoadInto(batch);
        var value = _numbers is null ? double.NaN : _numbers.ValueOf(span) / _numbers.Divisor;
        var bucket = _isBucketed ? _numbers!.BucketOf(span) : 0;
        if (_numbers is not null && (double.IsNaN(value) || _isBucketed && bucket == 0)) return;
        // What a page has not read stands for another page.
        var spanId = batch.Loader is null && batch.SpanId.Length > row ? batch.SpanId[row] : 0;
        _sampler.Add(new ExemplarCandidate(trace, batch.StartUnixNano[row], spanId, group, bucket, value, _labels.Of(span)), interval);
    }
}

/// <summary>
/// Rows of a batch that are counted, and what was found of each: a row, an interval, a group, and a value or a bucket where one is
/// measured.
/// </summary>
internal readonly ref struct CountedRows(
    SpanBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals, ReadOnlySpan<int> groups, ReadOnlySpan<double> values,
    ReadOnlySpan<int> buckets)
{
    private readonly ReadOnlySpan<double> _values = values;
    private readonly ReadOnlySpan<int> _buckets = buckets;

    public SpanBatch Batch { get; } = batch;

    public ReadOnlySpan<int> Rows { get; } = rows;

    public ReadOnlySpan<int> Intervals { get; } = intervals;

    public ReadOnlySpan<int> Groups { get; } = groups;

    /// <summary>Whether there is what is measured.</summary>
    public bool HasValue(int i) => _buckets.IsEmpty ? _values.IsEmpty || !double.IsNaN(_values[i]) : _buckets[i] != 0;
}
