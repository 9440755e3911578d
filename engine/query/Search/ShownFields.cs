using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// The fields listed with a span: those the query named and the span has, by name without scope. A comparison that is false
/// on this span shows nothing; of an array only the elements that satisfied a comparison are shown, all of them if the field
/// was selected; what stands in fields of its own (name, duration, ids, root names) is left out.
/// </summary>
internal sealed class ShownFields(TextCache texts)
{
    private readonly List<ShownField> _fields = [];
    private object? _lastInt;

    /// <summary>The next span.</summary>
    public void Clear() => _fields.Clear();

    /// <summary>
    /// The fields of the comparisons that hold on the span. Of events (links) those count that meet the whole condition, if any
    /// does, and the last one's values are shown.
    /// </summary>
    public void AddWhatMatched(Condition condition, in SpanCursor span)
    {
        // Of a condition that reads neither there is one binding, the span: whether it meets the whole changes nothing.
        if (!condition.HasBindings)
        {
            AddComparisonsThatHold(condition, span);
            return;
        }

        var matches = condition.Test(span) == Truth.True;
        foreach (var bound in condition.Bindings(span))
            if (!matches || condition.HoldsFor(bound))
                AddComparisonsThatHold(condition, bound);
    }

    private void AddComparisonsThatHold(Condition condition, in SpanCursor bound)
    {
        // By number, here and below: an enumerator would be an object for each span.
        for (var i = 0; i < condition.Leaves.Count; i++)
            if (condition.Leaves[i] is var comparison && !HasPlaceOfItsOwn(comparison) && comparison.Test(bound) == Truth.True)
                AddCompared(comparison, bound);
    }

    // Nothing is shown of it, whether it holds or not.
    private static bool HasPlaceOfItsOwn(Comparison comparison)
    {
        for (var i = 0; i < comparison.Fields.Count; i++)
            if (!HasPlaceOfItsOwn(comparison.Fields[i].Reference))
                return false;
        return comparison.Fields.Count > 0;
    }

    /// <summary>A selected field; of events (links) the last one's that has it.</summary>
    public void AddSelected(FieldReader reader, in SpanCursor span)
    {
        foreach (var bound in new EventBindings(span, reader.ReadsEvents, reader.ReadsLinks))
            Add(reader, reader.Read(bound), null, OwnerOf(reader, bound));
    }

    /// <summary>The fields found.</summary>
    public AttributeResult[] ToArray()
    {
        if (_fields.Count == 0) return [];
        var attributes = new AttributeResult[_fields.Count];
        for (var i = 0; i < attributes.Length; i++) attributes[i] = new AttributeResult(_fields[i].Field.Name, _fields[i].Value);
        return attributes;
    }

    private void AddCompared(Comparison comparison, in SpanCursor span)
    {
        if (comparison.IsExistence && comparison.Op == FieldOperator.Equal)
        {
            if (comparison.ComparedField is { } absent) Replace(absent.Reference, ShownValue.Nil, null, -1);
            return;
        }

        for (var i = 0; i < comparison.Fields.Count; i++)
        {
            var reader = comparison.Fields[i];
            var value = reader.Read(span);
            Add(reader, value, value.Type == FieldType.Array && reader == comparison.ComparedField && !comparison.IsExistence
                ? MatchingElements(comparison, value, span)
                : null, OwnerOf(reader, span));
        }
    }

    private static List<int> MatchingElements(Comparison comparison, in FieldValue array, in SpanCursor span)
    {
        var matching = new List<int>();
        for (var i = 0; i < array.ElementCount; i++)
            if (comparison.HoldsFor(array.Element(i), span))
                matching.Add(i);
        return matching;
    }

    // Whose value a reader reads: the event or link, or -1 for the span itself.
    private static int OwnerOf(FieldReader reader, in SpanCursor span) =>
        reader.ReadsEvents ? span.Event : reader.ReadsLinks ? span.Link : -1;

    // Null elements: all of the value.
    private void Add(FieldReader reader, in FieldValue value, List<int>? elements, int owner)
    {
        if (value.Type is FieldType.Nil or FieldType.Unknown || HasPlaceOfItsOwn(reader.Reference)) return;
        if (elements is not null && IndexOf(reader.Reference, null) is >= 0 and var known && _fields[known].Owner == owner)
        {
            // Several comparisons of one array: what any of them found. All of it stays all of it. The array of another event replaces it.
            if (_fields[known].Elements is not { } others) return;
            elements = [.. others.Union(elements).Order()];
        }

        Replace(reader.Reference, elements is null ? ShownOf(value) : ElementsOf(value, elements), elements, owner);
    }

    // The same text is shown with many spans: one string for each entry of a table.
    private object ShownOf(in FieldValue value)
    {
        if (value is { Type: FieldType.String, Table: { } table }) return texts.Of(table, (int)value.Bits);
        if (value.Type != FieldType.Int) return ShownValue.Of(value);
        // And one object for what an equality found again and again.
        if (_lastInt is not long last || last != value.Bits) _lastInt = ShownValue.Of(value);
        return _lastInt;
    }

    private static object ElementsOf(in FieldValue array, List<int> elements)
    {
        if (elements.Count == 1) return ShownValue.Of(array.Element(elements[0]));
        var items = new object[elements.Count];
        for (var i = 0; i < items.Length; i++) items[i] = ShownValue.Of(array.Element(elements[i]));
        return items;
    }

    private void Replace(AttributeRef field, object value, List<int>? elements, int owner)
    {
        if (HasPlaceOfItsOwn(field)) return;
        var shown = new ShownField(field, value, elements, owner);
        if (IndexOf(field, value) is >= 0 and var known) _fields[known] = shown;
        else _fields.Add(shown);
    }

    // The same field; or the same name and value by way of another scope (.x found what span.x found).
    private int IndexOf(AttributeRef field, object? value)
    {
        for (var i = 0; i < _fields.Count; i++)
            if (_fields[i].Field == field)
                return i;
        for (var i = 0; i < _fields.Count; i++)
            if (_fields[i].Field.Name == field.Name && _fields[i].Value.Equals(value))
                return i;
        return -1;
    }

    private static bool HasPlaceOfItsOwn(AttributeRef field) =>
        field.Intrinsic is Intrinsic.Name or Intrinsic.Duration or Intrinsic.TraceDuration
            or Intrinsic.RootName or Intrinsic.RootServiceName or Intrinsic.TraceId or Intrinsic.SpanId;

    /// <summary>
    /// A field, what is shown of it, which elements of an array that is (null: all), and which event or link has it (-1: the span).
    /// </summary>
    private readonly record struct ShownField(AttributeRef Field, object Value, List<int>? Elements, int Owner);
}
