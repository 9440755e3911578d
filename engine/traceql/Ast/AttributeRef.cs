namespace Tempo.Engine.TraceQL.Ast;

/// <summary>Where an attribute is looked up.</summary>
public enum AttributeScope
{
    /// <summary><c>.x</c>: the span's own value, else the resource's. Never events, links or instrumentation.</summary>
    Unscoped,
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
    /// <summary><c>parent.x</c>: as <see cref="Unscoped"/>, of the parent span. Not in Tempo, as the two that follow.</summary>
    Parent,
    /// <summary><c>parent.span.x</c>.</summary>
    ParentSpan,
    /// <summary><c>parent.resource.x</c>.</summary>
    ParentResource,
    /// <summary>Not an attribute: see <see cref="AttributeRef.Intrinsic"/>.</summary>
    Intrinsic,
}

/// <summary>A reference to an attribute or to an intrinsic of the span. Its text is its label name in metrics.</summary>
public sealed record AttributeRef : FieldExpression
{
    /// <summary>An attribute by its bare name (without scope, without quotes).</summary>
    public AttributeRef(AttributeScope scope, string name)
    {
        Scope = scope;
        Name = name;
    }

    /// <summary>An intrinsic.</summary>
    public AttributeRef(Intrinsic intrinsic)
    {
        Scope = AttributeScope.Intrinsic;
        Intrinsic = intrinsic;
        Name = intrinsic.Name();
    }

    public AttributeScope Scope { get; }

    /// <summary>The attribute's key, or the intrinsic's name.</summary>
    public string Name { get; }

    /// <summary><see cref="Intrinsic.None"/> for an attribute.</summary>
    public Intrinsic Intrinsic { get; }

    public bool IsIntrinsic => Intrinsic != Intrinsic.None;

    /// <summary>Is it a field of the parent span?</summary>
    public bool IsOfParent =>
        Scope is AttributeScope.Parent or AttributeScope.ParentSpan or AttributeScope.ParentResource
            || Intrinsic.OfParent() != Intrinsic.None;

    /// <summary>The same field as one of the span itself.</summary>
    public AttributeRef OnParent() => Scope switch
    {
        AttributeScope.Parent => new AttributeRef(AttributeScope.Unscoped, Name),
        AttributeScope.ParentSpan => new AttributeRef(AttributeScope.Span, Name),
        AttributeScope.ParentResource => new AttributeRef(AttributeScope.Resource, Name),
        _ => new AttributeRef(Intrinsic.OfParent()),
    };

    public override TraceQlType Type => Intrinsic.Type();
}
