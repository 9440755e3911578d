namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>The columns of a batch that a reader wants; what it does not ask for is empty.</summary>
[Flags]
public enum BatchColumns
{
    /// <summary>The tree alone: trace ids, which span belongs where, status codes.</summary>
    Structure = 0,
    SpanIds = 1 << 0,
    Times = 1 << 1,
    Kind = 1 << 2,
    Name = 1 << 3,
    StatusMessage = 1 << 4,
    TraceState = 1 << 5,
    SpanAttributes = 1 << 6,
    Resources = 1 << 7,
    Scopes = 1 << 8,
    Events = 1 << 9,
    Links = 1 << 10,
    Dropped = 1 << 11,

    /// <summary>Of the resources, the names of the services alone.</summary>
    ResourceServiceNames = 1 << 12,

    /// <summary>What <see cref="Scan.OrderedTrace"/> needs to bring a trace together.</summary>
    Tree = SpanIds | Times | Kind | Resources | Scopes,
    All = (1 << 13) - 1,
}
