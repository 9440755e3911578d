using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Search;

/// <summary>Which columns of a batch a field lies in.</summary>
internal static class FieldColumns
{
    public static BatchColumns Of(IEnumerable<AttributeRef> fields)
    {
        var columns = BatchColumns.Structure;
        foreach (var field in fields) columns |= Of(field);
        return columns;
    }

    /// <summary>The same without attributes, which are brought in by their keys.</summary>
    public static BatchColumns WithoutAttributes(IEnumerable<AttributeRef> fields)
    {
        var columns = BatchColumns.Structure;
        foreach (var field in fields.Select(static field => field.IsOfParent ? field.OnParent() : field))
            columns |= field.Scope switch
            {
                AttributeScope.Intrinsic when field.Intrinsic == Intrinsic.RootName => BatchColumns.Name,
                AttributeScope.Intrinsic when field.Intrinsic == Intrinsic.RootServiceName => BatchColumns.ResourceServiceNames,
                AttributeScope.Intrinsic => Of(field.Intrinsic) switch
                {
                    BatchColumns.Events => BatchColumns.EventRows,
                    BatchColumns.Links => BatchColumns.LinkRows,
                    BatchColumns.Scopes => BatchColumns.ScopeNames,
                    var other => other,
                },
                AttributeScope.Unscoped or AttributeScope.Resource when field.Name == "service.name" => BatchColumns.ResourceServiceNames,
                AttributeScope.Event => BatchColumns.EventRows,
                AttributeScope.Link => BatchColumns.LinkRows,
                _ => BatchColumns.Structure,
            };
        return columns;
    }

    private static BatchColumns Of(AttributeRef field) => field.Scope switch
    {
        AttributeScope.Unscoped => BatchColumns.SpanAttributes | BatchColumns.Resources,
        AttributeScope.Span => BatchColumns.SpanAttributes,
        AttributeScope.Resource => BatchColumns.Resources,
        AttributeScope.Instrumentation => BatchColumns.Scopes,
        AttributeScope.Event => BatchColumns.Events,
        AttributeScope.Link => BatchColumns.Links,
        _ => field.IsOfParent ? Of(field.OnParent()) : Of(field.Intrinsic),
    };

    // What is not listed is known of the tree alone, or computed of the whole trace.
    private static BatchColumns Of(Intrinsic intrinsic) => intrinsic switch
    {
        Intrinsic.Duration => BatchColumns.Durations,
        Intrinsic.SpanStart => BatchColumns.Starts,
        Intrinsic.SpanEnd => BatchColumns.Times,
        Intrinsic.Name => BatchColumns.Name,
        Intrinsic.StatusMessage => BatchColumns.StatusMessage,
        Intrinsic.Kind => BatchColumns.Kind,
        Intrinsic.SpanId or Intrinsic.SpanParentId => BatchColumns.SpanIds,
        Intrinsic.EventName or Intrinsic.EventTimeSinceStart => BatchColumns.Events,
        Intrinsic.LinkSpanId or Intrinsic.LinkTraceId => BatchColumns.Links,
        Intrinsic.InstrumentationName or Intrinsic.InstrumentationVersion => BatchColumns.Scopes,
        _ => BatchColumns.Structure,
    };
}
