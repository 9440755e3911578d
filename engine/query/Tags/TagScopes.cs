using Tempo.Engine.Storage.Catalog;

namespace Tempo.Engine.Query.Tags;

/// <summary>The scopes of tag names, by the words of the API.</summary>
public static class TagScopes
{
    public const string Intrinsic = "intrinsic";

    /// <summary>Has no names of its own; asked for, the answer is empty.</summary>
    private const string Trace = "trace";

    private static readonly (string Word, CatalogScope Scope)[] Attributes =
    [
        ("resource", CatalogScope.Resource),
        ("span", CatalogScope.Span),
        ("event", CatalogScope.Event),
        ("link", CatalogScope.Link),
        ("instrumentation", CatalogScope.Scope),
    ];

    /// <summary>The intrinsics that autocompletion offers, sorted.</summary>
    public static IReadOnlyList<string> Intrinsics { get; } =
    [
        "duration", "event:name", "event:timeSinceStart", "instrumentation:name", "instrumentation:version", "kind",
        "link:spanID", "link:traceID", "name", "rootName", "rootServiceName", "span:duration", "span:id", "span:kind",
        "span:name", "span:parentID", "span:status", "span:statusMessage", "status", "statusMessage", "trace:duration",
        "trace:id", "trace:rootName", "trace:rootService", "traceDuration",
    ];

    /// <summary>Throws <see cref="QueryException"/> for a word that names no scope.</summary>
    internal static TagScopeSet Parse(string word)
    {
        if (word is "" or "none") return new TagScopeSet(Attributes, HasIntrinsics: true);
        if (word == Intrinsic) return new TagScopeSet([], HasIntrinsics: true);
        if (word == Trace) return new TagScopeSet([], HasIntrinsics: false);
        var named = Attributes.Where(scope => scope.Word == word).ToArray();
        if (named.Length == 0) throw new QueryException(QueryErrorKind.BadRequest, $"invalid scope: {word}");
        return new TagScopeSet(named, HasIntrinsics: false);
    }
}

/// <summary>What is asked for.</summary>
/// <param name="Attributes">Scopes of attributes, each with its word.</param>
/// <param name="HasIntrinsics">The list of intrinsics, too.</param>
internal readonly record struct TagScopeSet((string Word, CatalogScope Scope)[] Attributes, bool HasIntrinsics)
{
    public bool Contains(CatalogScope scope) => Array.Exists(Attributes, known => known.Scope == scope);
}
