using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Keys;

/// <summary>The measured attribute of a metrics function on many spans. Durations are nanoseconds here. Not thread safe.</summary>
internal sealed class NumberColumn(AttributeRef attribute, KernelKind kernel)
{
    private readonly FieldExpressionReader _reader = new(attribute);
    private readonly FilterScope _scope = new(kernel);
    private readonly KeyTest _key = new(attribute.Name);
    private readonly FieldAttributes _attributes = new([attribute]);

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

        if (IsOfSpan(batch))
        {
            FillOfSpans(batch, rows, values);
            return;
        }

        _attributes.LoadInto(batch);
        for (var i = 0; i < rows.Length; i++) values[i] = ValueOf(SpanCursor.At(batch, rows[i]));
    }

    private bool IsOfSpan(SpanBatch batch)
    {
        if (attribute is not { Scope: TraceQL.Ast.AttributeScope.Span, IsOfParent: false }) return false;
        foreach (var column in batch.Dedicated)
            if (column.Scope == Storage.Scan.AttributeScope.Span && column.Key.AsSpan().SequenceEqual(_key.Key))
                return false;
        return true;
    }

    // Rows and attributes ascend alike; the first value of a type counts.
    private void FillOfSpans(SpanBatch batch, ReadOnlySpan<int> rows, Span<double> values)
    {
        _scope.Begin(batch, rows[^1] + 1);
        var found = _scope.Find(OwnerLevel.Span, _key, AttributeParts.Ints | AttributeParts.Doubles);
        var owners = found.Owners.AsSpan(0, found.Count);
        for (int i = 0, next = 0; i < rows.Length; i++)
        {
            values[i] = double.NaN;
            while (next < owners.Length && owners[next] < rows[i]) next++;
            for (var at = next; at < owners.Length && owners[at] == rows[i]; at++)
            {
                var value = FieldReader.FromAttribute(found.Values, at);
                if (value.Type == FieldType.Nil) continue;
                if (value.IsNumeric) values[i] = value.AsDouble;
                break;
            }
        }
    }

    public void FillBuckets(SpanBatch batch, ReadOnlySpan<int> rows, Span<int> buckets)
    {
        if (attribute.Intrinsic == Intrinsic.Duration)
        {
            var durations = batch.DurationNano;
            for (var i = 0; i < rows.Length; i++) buckets[i] = Log2Buckets.Of((long)Math.Min(durations[rows[i]], long.MaxValue));
            return;
        }

        _attributes.LoadInto(batch);
        for (var i = 0; i < rows.Length; i++) buckets[i] = BucketOf(SpanCursor.At(batch, rows[i]));
    }
}
