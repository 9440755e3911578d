using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Series;

/// <summary>topk, bottomk and comparison filters: they take samples away (specification TraceQL §7.3).</summary>
internal static class SecondStages
{
    /// <summary>
    /// At each timestamp keeps the <paramref name="limit"/> largest (smallest) samples. Of equal ones the first in the order of
    /// labels is kept by topk, the last by bottomk.
    /// </summary>
    public static List<Series> TopBottom(List<Series> series, bool isTop, long limit, CancellationToken cancellation)
    {
        if (limit >= series.Count) return series;
        series.Sort(static (a, b) => LabelOrder.Compare(a.Labels, b.Labels));
        var intervals = series.Count == 0 ? 0 : series[0].Values.Length;
        var order = new int[series.Count];
        for (var interval = 0; interval < intervals; interval++)
        {
            cancellation.ThrowIfCancellationRequested();
            var at = interval;
            var count = 0;
            for (var s = 0; s < series.Count; s++)
                if (!double.IsNaN(series[s].Values[at]))
                    order[count++] = s;
            if (count <= limit) continue;
            order.AsSpan(0, count).Sort((a, b) =>
            {
                var byValue = series[a].Values[at].CompareTo(series[b].Values[at]);
                return byValue != 0 ? isTop ? -byValue : byValue : isTop ? a.CompareTo(b) : b.CompareTo(a);
            });
            foreach (var dropped in order.AsSpan((int)limit, count - (int)limit)) series[dropped].Values[at] = double.NaN;
        }

        return WithValues(series);
    }

    /// <summary>Keeps the samples that compare so.</summary>
    public static List<Series> Filter(List<Series> series, FieldOperator op, double threshold)
    {
        foreach (var one in series)
        {
            var values = one.Values;
            for (var i = 0; i < values.Length; i++)
                if (!Holds(op, values[i], threshold))
                    values[i] = double.NaN;
        }

        return WithValues(series);
    }

    /// <summary>Drops series without any sample.</summary>
    public static List<Series> WithValues(List<Series> series)
    {
        series.RemoveAll(static s => !s.HasValues);
        return series;
    }

    // False for a sample that is missing, whatever the comparison.
    private static bool Holds(FieldOperator op, double value, double threshold) => op switch
    {
        FieldOperator.Equal => value == threshold,
        FieldOperator.NotEqual => value != threshold && !double.IsNaN(value),
        FieldOperator.Less => value < threshold,
        FieldOperator.LessOrEqual => value <= threshold,
        FieldOperator.Greater => value > threshold,
        _ => value >= threshold,
    };
}
