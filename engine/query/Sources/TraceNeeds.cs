using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Sources;

/// <summary>What a query needs of the whole traces it decides on.</summary>
public sealed record TraceNeeds
{
    /// <summary>Columns of all spans.</summary>
    public required BatchColumns Columns { get; init; }

    /// <summary>Fields that conditions and answers read: of attributes, only those of these keys are brought in.</summary>
    public IReadOnlyList<AttributeRef> Fields { get; init; } = [];

    /// <summary>Whether the spans must know their places in the tree.</summary>
    public bool HasTree { get; init; }
}
