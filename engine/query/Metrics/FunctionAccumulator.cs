using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics.Cells;
using Tempo.Engine.Query.Metrics.Exemplars;
using Tempo.Engine.Query.Metrics.Keys;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.Query.Metrics.Source;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// rate, count_over_time, min/max/avg/sum_over_time, quantile_over_time and histogram_over_time. Per batch: group numbers and
/// values of the selected rows as columns, then one pass over the cells. The buckets of histograms and quantiles are a further
/// part of the group: a cell counts the spans of a group, bucket and interval.
/// </summary>
internal sealed class FunctionAccumulator : SpanAccumulator
{
    private readonly MetricsFunction _function;
    private readonly MetricsOptions _options;
    private readonly SeriesKeys _keys;
    private readonly NumberColumn? _numbers;
    private readonly CellArray _cells;
    private readonly FunctionExemplars _exemplars;
    private readonly SpanWeights? _weights;
    private PageCounts? _pageCounts;

    // Histograms and quantiles: pairs of group and bucket; the series of the cells.
    private readonly TupleTable? _buckets;
    private int[] _series = [];
    private int[] _bucketOf = [];
    private int[] _intervals = [];
    private double[] _values = [];
    private double[] _weightOf = [];

    public FunctionAccumulator(LeafPlan leaf, MetricsOptions options)
    {
        _function = (MetricsFunction)leaf.Stage;
        _options = options;
        _keys = new SeriesKeys(_function.By, _function.LabelNames(), options.Budget, options.Kernel);
        _numbers = _function.Attribute is { } attribute ? new NumberColumn(attribute, options.Kernel) : null;
        _cells = NewCells();
        _buckets = IsBucketed ? new TupleTable(options.Budget) : null;
        _weights = options.Extrapolates ? new SpanWeights() : null;
        _exemplars = new FunctionExemplars(leaf, options, _keys, _numbers, IsBucketed);
    }

    private bool IsBucketed => _function.Kind is MetricsFunctionKind.HistogramOverTime or MetricsFunctionKind.QuantileOverTime;

    private long SeriesCount => _function.Kind switch
    {
        MetricsFunctionKind.HistogramOverTime => _buckets!.Count,
        MetricsFunctionKind.QuantileOverTime => (long)_keys.Count * _function.Quantiles.Count,
        _ => _keys.Count,
    };

    private bool IsCounting => _function.Kind is MetricsFunctionKind.Rate or MetricsFunctionKind.CountOverTime;

    public override void Add(in SpanCursor span, int interval)
    {
        var bucket = _buckets is null ? 0 : _numbers!.BucketOf(span);
        if (_buckets is not null && bucket == 0) return;
        var value = _numbers is null || _buckets is not null ? 0 : _numbers.ValueOf(span);
        if (double.IsNaN(value)) return;
        var group = _keys.NumberOf(span);
        var series = _buckets is null ? group : _buckets.Intern(group, bucket);
        _cells.Reserve(series + 1);
        var weight = _weights?.Of(span.Batch, span.Row) ?? 1;
        _cells.Add([series], [interval], [value], _weights is null ? [] : [weight]);
        _exemplars.Offer(span, interval, group);
    }

    public override void Add(SpanBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals)
    {
        if (rows.IsEmpty) return;
        Reserve(rows.Length);
        var series = _series.AsSpan(0, rows.Length);
        _keys.Fill(batch, rows, series);
        var weights = FillWeights(batch, rows);
        if (_buckets is not null)
        {
            AddBucketed(batch, rows, intervals, series, weights);
            return;
        }

        var values = _values.AsSpan(0, _numbers is null ? 0 : rows.Length);
        _numbers?.Fill(batch, rows, values);
        _exemplars.Offer(new CountedRows(batch, rows, intervals, series, values, []));
        _cells.Reserve(_keys.Count);
        _cells.Add(series, intervals, values, weights);
    }

    public override bool CanAddAll => IsCounting && _weights is null && _keys.MayHaveCodes;

    public override bool TryAddAll(SpanBatch batch)
    {
        if (!CanAddAll || batch.SpanCount == 0 || batch.TraceStart.Length == 0) return false;
        if (!_keys.TryGetCodes(batch, out var codes, out var owners)) return false;
        _pageCounts ??= new PageCounts(_options.Axis);
        if (!_pageCounts.TryCount(batch.StartUnixNano.AsSpan(0, batch.SpanCount), codes is null ? default : codes.Codes, owners,
            codes?.Table.Count ?? 1))
            return false;
        _pageCounts.ForEach((Me: this, Batch: batch),
            static (to, code, interval, spans) => to.Me.AddCount(to.Me._keys.NumberOfCode(to.Batch, code), interval, spans));
        _exemplars.OfferAll(batch);
        return true;
    }

    private void AddCount(int series, int interval, int spans)
    {
        _cells.Reserve(series + 1);
        _cells.Add([series], [interval], [], [spans]);
    }

    public override void AddAll(SpanAccumulator other)
    {
        var source = (FunctionAccumulator)other;
        var groups = _keys.Translate(source._keys);
        if (_buckets is null)
        {
            _cells.Reserve(_keys.Count);
            source._cells.Reserve(source._keys.Count);
            for (var from = 0; from < groups.Length; from++) _cells.AddSeries(source._cells, from, groups[from]);
        }
        else
        {
            var pairs = source._buckets!.Pairs;
            for (var from = 0; from < pairs.Count; from++)
            {
                var to = _buckets.Intern(groups[pairs[from].First], pairs[from].Second);
                _cells.Reserve(to + 1);
                _cells.AddSeries(source._cells, from, to);
            }
        }

        _exemplars.AddAll(source._exemplars, groups);
    }

    public override void Write(PartWriter writer)
    {
        _keys.Write(writer);
        _buckets?.Write(writer);
        _cells.Write(writer, _buckets?.Count ?? _keys.Count);
        _exemplars.Write(writer);
    }

    public override void Read(ref PartReader reader)
    {
        _keys.Read(ref reader);
        _buckets?.Read(ref reader, _keys.Count, secondLeast: 1, Log2Buckets.Count, "a bucket");
        _cells.Read(ref reader, _buckets?.Count ?? _keys.Count);
        _exemplars.Read(ref reader, _keys.Count);
    }

    public override List<Series.Series> ToSeries()
    {
        _options.Budget.Charge(SeriesCount * _options.Axis.Count * sizeof(double), "series and intervals");
        var exemplars = _exemplars.ByGroup();
        if (_function.Kind == MetricsFunctionKind.HistogramOverTime) return HistogramSeries(exemplars);
        if (_function.Kind == MetricsFunctionKind.QuantileOverTime) return QuantileSeries(exemplars);
        var result = new List<Series.Series>();
        _cells.Reserve(_keys.Count);
        for (var group = 0; group < _keys.Count; group++)
        {
            var values = new double[_options.Axis.Count];
            for (var i = 0; i < values.Length; i++) values[i] = Scaled(_cells.Value(group, i));
            result.Add(new Series.Series(LabelsOf(group), values) { Exemplars = [.. exemplars[group].Select(Plain)] });
        }

        // Without a by() counts are zero where nothing is; other functions have no series then.
        return IsCounting ? result : SecondStages.WithValues(result);
    }

    private CellArray NewCells() => _function.Kind switch
    {
        MetricsFunctionKind.MinOverTime or MetricsFunctionKind.MaxOverTime =>
            new ExtremeCells(_options.Axis.Count, _options.Budget, _function.Kind == MetricsFunctionKind.MaxOverTime),
        MetricsFunctionKind.SumOverTime or MetricsFunctionKind.AvgOverTime =>
            new SumCells(_options.Axis.Count, _options.Budget, _function.Kind == MetricsFunctionKind.AvgOverTime),
        _ => new CountCells(_options.Axis.Count, _options.Budget),
    };

    private double Scaled(double value) =>
        _function.Kind == MetricsFunctionKind.Rate ? value / _options.Axis.StepSeconds : value / (_numbers?.Divisor ?? 1);

    private IReadOnlyList<AttributeResult> LabelsOf(int group)
    {
        return IsBucketed ? _keys.Labels(group) : _function.LabelsOf(_keys, group);
    }

    private List<Series.Series> HistogramSeries(ILookup<int, ExemplarCandidate> exemplars)
    {
        var result = new List<Series.Series>();
        for (var number = 0; number < _buckets!.Count; number++)
        {
            var (group, bucket) = _buckets.Pairs[number];
            var values = new double[_options.Axis.Count];
            for (var i = 0; i < values.Length; i++) values[i] = _cells.Value(number, i);
            List<AttributeResult> labels =
                [.. LabelsOf(group), new AttributeResult("__bucket", Log2Buckets.Max(bucket) / _numbers!.Divisor)];
            result.Add(new Series.Series(
                labels, values)
            { Exemplars = [.. exemplars[group].Where(e => e.Bucket == bucket).Select(Plain)] });
        }

        return result;
    }

    private List<Series.Series> QuantileSeries(ILookup<int, ExemplarCandidate> exemplars)
    {
        var result = new List<Series.Series>();
        foreach (var buckets in Enumerable.Range(0, _buckets!.Count).GroupBy(number => _buckets.Pairs[number].First))
        {
            var quantiles = _function.Quantiles.Select(_ => new double[_options.Axis.Count]).ToArray();
            var counts = new double[Log2Buckets.Count];
            for (var i = 0; i < _options.Axis.Count; i++)
            {
                counts.AsSpan().Clear();
                foreach (var number in buckets) counts[_buckets.Pairs[number].Second] = _cells.Value(number, i);
                for (var q = 0; q < quantiles.Length; q++)
                    quantiles[q][i] = Log2Buckets.Quantile(_function.Quantiles[q], counts) / _numbers!.Divisor;
            }

            var spans = exemplars[buckets.Key].ToLookup(span => QuantileOf(span, quantiles));
            for (var q = 0; q < quantiles.Length; q++)
            {
                List<AttributeResult> labels = [.. LabelsOf(buckets.Key), new AttributeResult("p", _function.Quantiles[q])];
                result.Add(new Series.Series(labels, quantiles[q]) { Exemplars = [.. spans[q].Select(Plain)] });
            }
        }

        return result;
    }

    // The lowest of the quantiles that the span's value does not exceed; the highest for a value above all.
    private int QuantileOf(ExemplarCandidate span, double[][] quantiles)
    {
        var interval = _options.Axis.IndexOf(span.StartUnixNano);
        var best = -1;
        for (var q = 0; q < quantiles.Length; q++)
            if (quantiles[q][interval] >= span.Value && (best < 0 || quantiles[q][interval] < quantiles[best][interval]))
                best = q;
        if (best >= 0) return best;
        for (var q = 1; q < quantiles.Length; q++)
            if (best < 0 || _function.Quantiles[q] > _function.Quantiles[best])
                best = q;
        return Math.Max(best, 0);
    }

    private SeriesExemplar Plain(ExemplarCandidate span) =>
        new(span, _options.Axis.IndexOf(span.StartUnixNano),
            _function.Kind == MetricsFunctionKind.HistogramOverTime ? double.NaN : span.Value);

    private void AddBucketed(
        SpanBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals, Span<int> series, ReadOnlySpan<double> weights)
    {
        var buckets = _bucketOf.AsSpan(0, rows.Length);
        _numbers!.FillBuckets(batch, rows, buckets);
        _exemplars.Offer(new CountedRows(batch, rows, intervals, series, [], buckets));
        var count = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            if (buckets[i] == 0) continue;
            series[count] = _buckets!.Intern(series[i], buckets[i]);
            _intervals[count] = intervals[i];
            if (!weights.IsEmpty) _weightOf[count] = weights[i];
            count++;
        }

        _cells.Reserve(_buckets!.Count);
        _cells.Add(series[..count], _intervals.AsSpan(0, count), [], weights.IsEmpty ? [] : _weightOf.AsSpan(0, count));
    }

    private ReadOnlySpan<double> FillWeights(SpanBatch batch, ReadOnlySpan<int> rows)
    {
        if (_weights is null) return [];
        for (var i = 0; i < rows.Length; i++) _weightOf[i] = _weights.Of(batch, rows[i]);
        return _weightOf.AsSpan(0, rows.Length);
    }

    public override void Release()
    {
        RentedArray.Return(ref _series);
        RentedArray.Return(ref _intervals);
        RentedArray.Return(ref _values);
        RentedArray.Return(ref _bucketOf);
        RentedArray.Return(ref _weightOf);
    }

    private void Reserve(int count)
    {
        RentedArray.Reserve(ref _series, count);
        RentedArray.Reserve(ref _intervals, count);
        RentedArray.Reserve(ref _values, count);
        if (_buckets is not null) RentedArray.Reserve(ref _bucketOf, count);
        if (_weights is not null) RentedArray.Reserve(ref _weightOf, count);
    }
}
