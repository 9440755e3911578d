using System.Text;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Series;

/// <summary>Arithmetic of series with series and with numbers (specification TraceQL §7.3).</summary>
internal static class SeriesArithmetic
{
    /// <summary>Label that names the function of series without a by().</summary>
    public const string NameLabel = "__name__";

    /// <summary>Each sample, and the value of each exemplar, with a number.</summary>
    public static List<Series> WithScalar(FieldOperator op, List<Series> series, double scalar, bool isScalarLeft)
    {
        double Apply(double value) => isScalarLeft ? Compute(op, scalar, value) : Compute(op, value, scalar);
        var result = new List<Series>(series.Count);
        foreach (var one in series)
        {
            var values = new double[one.Values.Length];
            for (var i = 0; i < values.Length; i++) values[i] = Apply(one.Values[i]);
            result.Add(new Series(one.Labels, values) { Exemplars = [.. one.Exemplars.Select(e => e with { Value = Apply(e.Value) })] });
        }

        return SecondStages.WithValues(result);
    }

    /// <summary>
    /// Series with equal labels (but for <c>__name__</c>) are computed sample by sample; the only series of a side, if it has no
    /// labels, with each of the other side. What has no partner is dropped.
    /// </summary>
    public static List<Series> Join(FieldOperator op, List<Series> left, List<Series> right)
    {
        var result = new List<Series>();
        if (IsFanOut(left, right))
        {
            foreach (var one in left) result.Add(Combine(op, one, right[0], one.Exemplars));
        }
        else if (IsFanOut(right, left))
        {
            foreach (var one in right) result.Add(Combine(op, left[0], one, one.Exemplars));
        }
        else
        {
            var partners = new Dictionary<string, Series>(StringComparer.Ordinal);
            foreach (var one in right) partners.TryAdd(Key(one), one);
            foreach (var one in left)
                if (partners.TryGetValue(Key(one), out var other))
                    result.Add(Combine(op, one, other, [.. one.Exemplars, .. other.Exemplars]));
        }

        return SecondStages.WithValues(result);
    }

    private static bool IsFanOut(List<Series> many, List<Series> one) =>
        one.Count == 1 && IsUnlabelled(one[0]) && !(many.Count == 1 && IsUnlabelled(many[0]));

    private static bool IsUnlabelled(Series series) => series.Labels.All(static label => label.Key == NameLabel);

    private static Series Combine(FieldOperator op, Series left, Series right, IEnumerable<SeriesExemplar> exemplars)
    {
        var values = new double[left.Values.Length];
        for (var i = 0; i < values.Length; i++) values[i] = Compute(op, left.Values[i], right.Values[i]);
        var labels = left.Labels.Where(static label => label.Key != NameLabel).ToList();
        foreach (var label in right.Labels)
            if (label.Key != NameLabel && !labels.Exists(own => own.Key == label.Key))
                labels.Add(label);
        if (Name(left) is { } first && Name(right) is { } second)
            labels.Insert(0, new AttributeResult(NameLabel, $"({first} {op.Text()} {second})"));
        return new Series(labels, values) { Exemplars = [.. exemplars] };
    }

    private static string? Name(Series series) => series.Labels.FirstOrDefault(static label => label.Key == NameLabel).Value as string;

    // Keys and values with their types and lengths, so that no two label sets share a text.
    private static string Key(Series series)
    {
        var key = new StringBuilder();
        foreach (var (name, value) in series.Labels.Where(static label => label.Key != NameLabel)
            .OrderBy(static label => label.Key, StringComparer.Ordinal))
        {
            var text = Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture) ?? "";
            key.Append(name.Length).Append(':').Append(name).Append(value.GetType().Name).Append(text.Length).Append(':').Append(text);
        }

        return key.ToString();
    }

    // A missing sample stays missing; what is divided by zero is.
    private static double Compute(FieldOperator op, double left, double right) => op switch
    {
        FieldOperator.Add => left + right,
        FieldOperator.Subtract => left - right,
        FieldOperator.Multiply => left * right,
        _ => right == 0 ? double.NaN : left / right,
    };
}
