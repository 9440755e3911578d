using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Keys;

/// <summary>The measured attribute of a metrics function on many spans. Durations are nanoseconds here. Not thread safe.</summary>
internal sealed class NumberColumn(AttributeRef attribute)
{
    private readonly FieldExpressionReader _reader = new(attribute);

    /// <summary>By this the answer divides: durations are answered in seconds.</summary>
    public double Divisor => attribute.Type == TraceQlType.Duration ? 1e9 : 1;

    /// <summary>The value on one span; NaN where there is no single number.</summary>
    public double ValueOf(in SpanCursor span)
    {
        var value = _reader.Read(span);
        return value.IsNumeric ? value.AsDouble : double.NaN;
    }

    /// <summary>The number of the smallest power of two at or above the value, 1 to 63; 0 where the value is not counted.</summary>
    public int BucketOf(in SpanCursor span)
    {
        var value = _reader.Read(span);
        return value.Type is FieldType.Int or FieldType.Duration ? Log2Buckets.Of(value.Bits) : 0;
    }

    public void Fill(SpanBatch batch, ReadOnlySpan<int> rows, Span<double> values)
    {
        if (attribute.Intrinsic == Intrinsic.Duration)
        {
            var durations = batch.DurationNano;
            for (var i = 0; i < rows.Length; i++) values[i] = Math.Min(durations[rows[i]], long.MaxValue);
            return;
        }

        for (var i = 0; i < rows.Length; i++) values[i] = ValueOf(SpanCursor.At(batch, rows[i]));
    }

    public void FillBuckets(SpanBatch batch, ReadOnlySpan<int> rows, Span<int> buckets)
    {
        if (attribute.Intrinsic == Intrinsic.Duration)
        {
            var durations = batch.DurationNano;
            for (var i = 0; i < rows.Length; i++) buckets[i] = Log2Buckets.Of((long)Math.Min(durations[rows[i]], long.MaxValue));
            return;
        }

        for (var i = 0; i < rows.Length; i++) buckets[i] = BucketOf(SpanCursor.At(batch, rows[i]));
    }
}
