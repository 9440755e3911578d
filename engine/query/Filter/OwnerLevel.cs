namespace Tempo.Engine.Query.Filter;

/// <summary>Whose rows a set of marks speaks of.</summary>
internal enum OwnerLevel
{
    Span = 0,
    Resource,
    Scope,
    Event,
    Link,
}

/// <summary>Words for levels.</summary>
internal static class OwnerLevels
{
    /// <summary>The scope as the language writes it.</summary>
    public static string Name(this OwnerLevel level) => level switch
    {
        OwnerLevel.Resource => "resource",
        OwnerLevel.Scope => "instrumentation",
        OwnerLevel.Event => "event",
        OwnerLevel.Link => "link",
        _ => "span",
    };
}
