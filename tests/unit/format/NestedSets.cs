using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Format.Tests;

/// <summary>
/// Nested set numbers by plain recursion (storage specification §4.7), for traces in which every id stands once; others get
/// zeros, as what is read does not depend on them.
/// </summary>
internal static class NestedSets
{
    public static Dictionary<Span, (int Left, int Right, int Parent, int Children)> Number(Span[] spans)
    {
        var numbers = new Dictionary<Span, (int, int, int, int)>(ReferenceEqualityComparer.Instance);
        foreach (var span in spans)
            numbers.Add(span, (0, 0, 0, spans.Count(other => !other.ParentSpanId.IsEmpty && other.ParentSpanId.Equals(span.SpanId))));
        if (spans.DistinctBy(static span => span.SpanId).Count() < spans.Length) return numbers;
        var next = 1;
        foreach (var root in spans.Where(static span => span.ParentSpanId.IsEmpty)) Visit(root, -1);
        return numbers;

        void Visit(Span span, int parent)
        {
            var left = next++;
            var children = spans.Where(other => other.ParentSpanId.Equals(span.SpanId) && !ReferenceEquals(other, span)).ToList();
            foreach (var child in children) Visit(child, left);
            numbers[span] = (left, next++, parent, children.Count);
        }
    }
}
