using System.Text;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.TraceQL.Ast;
using TraceQlScope = Tempo.Engine.TraceQL.Ast.AttributeScope;

namespace Tempo.Engine.Query.Tags;

/// <summary>Where the values of an attribute or intrinsic lie.</summary>
internal sealed class TagTarget
{
    private TagTarget(Intrinsic intrinsic, params ReadOnlySpan<TagPlace> places)
    {
        Intrinsic = intrinsic;
        Places = [.. places];
    }

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
            TraceQlScope.Unscoped => new(Intrinsic.None, new TagPlace(CatalogScope.Span, key), new TagPlace(CatalogScope.Resource, key)),
            TraceQlScope.Span => new(Intrinsic.None, new TagPlace(CatalogScope.Span, key)),
            TraceQlScope.Resource => new(Intrinsic.None, new TagPlace(CatalogScope.Resource, key)),
            TraceQlScope.Event => new(Intrinsic.None, new TagPlace(CatalogScope.Event, key)),
            TraceQlScope.Link => new(Intrinsic.None, new TagPlace(CatalogScope.Link, key)),
            TraceQlScope.Instrumentation => new(Intrinsic.None, new TagPlace(CatalogScope.Scope, key)),
            _ => new(Intrinsic.None),
        };
    }

    private static TagTarget Of(Intrinsic intrinsic) => intrinsic switch
    {
        Intrinsic.Name => Text(intrinsic, CatalogIntrinsics.Name),
        Intrinsic.StatusMessage => Text(intrinsic, CatalogIntrinsics.StatusMessage),
        Intrinsic.RootName => Text(intrinsic, CatalogIntrinsics.RootName),
        Intrinsic.RootServiceName => Text(intrinsic, CatalogIntrinsics.RootServiceName),
        Intrinsic.EventName => Text(intrinsic, CatalogIntrinsics.EventName),
        Intrinsic.InstrumentationName => Text(intrinsic, CatalogIntrinsics.InstrumentationName),
        Intrinsic.InstrumentationVersion => Text(intrinsic, CatalogIntrinsics.InstrumentationVersion),
        _ => new(intrinsic),
    };

    private static TagTarget Text(Intrinsic intrinsic, ReadOnlySpan<byte> name) =>
        new(intrinsic, new TagPlace(CatalogScope.Intrinsic, name.ToArray()));
}

/// <summary>A key of a catalog.</summary>
internal readonly record struct TagPlace(CatalogScope Scope, byte[] Key)
{
    public bool IsServiceName => Scope == CatalogScope.Resource && Key.AsSpan().SequenceEqual("service.name"u8);
}
