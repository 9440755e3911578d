using System.Text;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.TraceQL.Ast;
using TraceQlScope = Tempo.Engine.TraceQL.Ast.AttributeScope;

namespace Tempo.Engine.Query.Tags;

/// <summary>Where the values of an attribute or intrinsic lie.</summary>
internal sealed class TagTarget
{
    private TagTarget(BatchColumns columns, Intrinsic intrinsic, params ReadOnlySpan<TagPlace> places)
    {
        Columns = columns;
        Intrinsic = intrinsic;
        Places = [.. places];
    }

    /// <summary>Columns of a batch that hold them.</summary>
    public BatchColumns Columns { get; }

    /// <summary>None for an attribute.</summary>
    public Intrinsic Intrinsic { get; }

    /// <summary>Where catalogs list them; none: nowhere, and there is nothing to scan either.</summary>
    public IReadOnlyList<TagPlace> Places { get; }

    /// <summary>
    /// Nothing is listed of numbers without end (durations, ids), as in Tempo, nor of what the engine does not know
    /// (<c>parent.x</c>).
    /// </summary>
    public static TagTarget Of(AttributeRef attribute)
    {
        if (attribute.IsIntrinsic) return Of(attribute.Intrinsic);
        var key = Encoding.UTF8.GetBytes(attribute.Name);
        return attribute.Scope switch
        {
            TraceQlScope.Unscoped => new(BatchColumns.SpanAttributes | BatchColumns.Resources, Intrinsic.None, new TagPlace(CatalogScope.Span, key), new TagPlace(CatalogScope.Resource, key)),
            TraceQlScope.Span => new(BatchColumns.SpanAttributes, Intrinsic.None, new TagPlace(CatalogScope.Span, key)),
            TraceQlScope.Resource => new(BatchColumns.Resources, Intrinsic.None, new TagPlace(CatalogScope.Resource, key)),
            TraceQlScope.Event => new(BatchColumns.Events, Intrinsic.None, new TagPlace(CatalogScope.Event, key)),
            TraceQlScope.Link => new(BatchColumns.Links, Intrinsic.None, new TagPlace(CatalogScope.Link, key)),
            TraceQlScope.Instrumentation => new(BatchColumns.Scopes, Intrinsic.None, new TagPlace(CatalogScope.Scope, key)),
            _ => new(BatchColumns.Structure, Intrinsic.None),
        };
    }

    private static TagTarget Of(Intrinsic intrinsic) => intrinsic switch
    {
        Intrinsic.Name => Text(intrinsic, BatchColumns.Name, CatalogIntrinsics.Name),
        Intrinsic.StatusMessage => Text(intrinsic, BatchColumns.StatusMessage, CatalogIntrinsics.StatusMessage),
        Intrinsic.RootName => Text(intrinsic, BatchColumns.SpanIds | BatchColumns.Name, CatalogIntrinsics.RootName),
        Intrinsic.RootServiceName => Text(intrinsic, BatchColumns.SpanIds | BatchColumns.Resources, CatalogIntrinsics.RootServiceName),
        Intrinsic.EventName => Text(intrinsic, BatchColumns.Events, CatalogIntrinsics.EventName),
        Intrinsic.InstrumentationName => Text(intrinsic, BatchColumns.Scopes, CatalogIntrinsics.InstrumentationName),
        Intrinsic.InstrumentationVersion => Text(intrinsic, BatchColumns.Scopes, CatalogIntrinsics.InstrumentationVersion),
        _ => new(BatchColumns.Structure, intrinsic),
    };

    private static TagTarget Text(Intrinsic intrinsic, BatchColumns columns, ReadOnlySpan<byte> name) =>
        new(columns, intrinsic, new TagPlace(CatalogScope.Intrinsic, name.ToArray()));
}

/// <summary>A key of a catalog.</summary>
internal readonly record struct TagPlace(CatalogScope Scope, byte[] Key)
{
    public bool IsServiceName => Scope == CatalogScope.Resource && Key.AsSpan().SequenceEqual("service.name"u8);
}
