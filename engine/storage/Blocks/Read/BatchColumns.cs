namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>The columns of a batch that a reader wants; what it does not ask for is empty.</summary>
[Flags]
public enum BatchColumns
{
    /// <summary>The tree alone: trace ids, which span belongs where, status codes.</summary>
    Structure = 0,
    SpanIds = 1 << 0,
    Starts = 1 << 1,
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

    /// <summary>Of the resources, the names of the services alone; part of <see cref="Resources"/>.</summary>
    ResourceServiceNames = 1 << 12,
    Durations = 1 << 13,

    /// <summary>Of the scopes, name and version alone; part of <see cref="Scopes"/>.</summary>
    ScopeNames = 1 << 14,

    /// <summary>Of the events, whose they are, time and name; part of <see cref="Events"/>.</summary>
    EventRows = 1 << 15,

    /// <summary>Of the links, whose they are and where they lead; part of <see cref="Links"/>.</summary>
    LinkRows = 1 << 16,
    Times = Starts | Durations,

    /// <summary>What <see cref="Scan.OrderedTrace"/> needs to bring a trace together with its resources and scopes.</summary>
    Tree = SpanIds | Times | Kind | Resources | Scopes,

    /// <summary>What it needs to bring it together by time alone.</summary>
    Spans = SpanIds | Times | Kind,
    All = (1 << 17) - 1,

    /// <summary>
    /// Where the spans stand to the roots, as the block's writer found it; not part of <see cref="All"/>, and only brought in by a loader.
    /// </summary>
    ParentSigns = 1 << 17,

    /// <summary>Name and service of each trace's root, as the block's writer found it; only brought in by a loader.</summary>
    Roots = 1 << 18,

    /// <summary>
    /// How many children each span has, as the block's writer counted them; only brought in by a loader, and not in every version.
    /// </summary>
    ChildCounts = 1 << 19,

    /// <summary>Of the ids, those of the spans themselves and not their parents'; part of <see cref="SpanIds"/>.</summary>
    OwnSpanIds = 1 << 20,

    /// <summary>
    /// The numbers of the spans in the tree of their trace, as the block's writer gave them; only brought in by a loader.
    /// </summary>
    TreeNumbers = 1 << 21,
}
