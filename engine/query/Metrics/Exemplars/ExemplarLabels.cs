using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using AttributeScope = Tempo.Engine.TraceQL.Ast.AttributeScope;

namespace Tempo.Engine.Query.Metrics.Exemplars;

/// <summary>
/// What an exemplar says of its span: the trace's id, and the fields that the query names and the span has, each under the
/// scope in which it was found. Not thread safe.
/// </summary>
internal sealed class ExemplarLabels(IEnumerable<AttributeRef> fields)
{
    /// <summary>Label of the trace's id, by which Grafana finds the trace.</summary>
    private const string TraceIdKey = "trace:id";

    private readonly List<(string Key, FieldExpressionReader Reader)> _fields = [.. fields.SelectMany(Alternatives)];

    public List<AttributeResult> Of(in SpanCursor span)
    {
        var labels = new List<AttributeResult>(_fields.Count
            + 1) { new(TraceIdKey, span.Batch.TraceIds[span.Batch.Trace[span.Row]].ToShortString()) };
        foreach (var (key, reader) in _fields)
        {
            var value = reader.Read(span);
            if (value.Type is FieldType.Nil or FieldType.Unknown or FieldType.Array || labels.Exists(label => label.Key == key)) continue;
            labels.Add(new AttributeResult(key, ShownValue.Of(value)));
        }

        return labels;
    }

    // An unscoped attribute is the span's, else the resource's.
    private static IEnumerable<(string, FieldExpressionReader)> Alternatives(AttributeRef field)
    {
        if (field.Intrinsic == Intrinsic.TraceId) return [];
        AttributeRef[] places = field.Scope == AttributeScope.Unscoped
            ? [new AttributeRef(AttributeScope.Span, field.Name), new AttributeRef(AttributeScope.Resource, field.Name)]
            : [field];
        return places.Select(static place => (place.ToString(), new FieldExpressionReader(place)));
    }
}
