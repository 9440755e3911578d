using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.Query.Metrics.Series;

/// <summary>
/// The order of series in an answer, which also breaks ties in topk: by the number of labels, then label by label, by key and
/// then by value. Numbers in the order of numbers, text bytewise; of different types bool, numbers, text.
/// </summary>
internal static class LabelOrder
{
    public static int Compare(IReadOnlyList<AttributeResult> a, IReadOnlyList<AttributeResult> b)
    {
        if (a.Count != b.Count) return a.Count.CompareTo(b.Count);
        for (var i = 0; i < a.Count; i++)
        {
            var order = TraceQlArithmetic.CompareUtf8(a[i].Key, b[i].Key);
            if (order == 0) order = CompareValues(a[i].Value, b[i].Value);
            if (order != 0) return order;
        }

        return 0;
    }

    /// <summary>The order of two values of labels.</summary>
    public static int CompareValues(object a, object b) => (a, b) switch
    {
        (string x, string y) => TraceQlArithmetic.CompareUtf8(x, y),
        (long x, long y) => x.CompareTo(y),
        (bool x, bool y) => x.CompareTo(y),
        (long or double, long or double) => CompareNumbers(a, b),
        _ => Rank(a).CompareTo(Rank(b)),
    };

    private static int CompareNumbers(object a, object b)
    {
        var order = Convert.ToDouble(a, null).CompareTo(Convert.ToDouble(b, null));
        return order != 0 ? order : (a is double).CompareTo(b is double);
    }

    private static int Rank(object value) => value switch { bool => 0, long or double => 1, _ => 2 };
}
