using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;
using static Tempo.Engine.Parquet.SchemaNode;

namespace Tempo.Engine.Storage.Blocks.Versions;

/// <summary>
/// One version of Tempo's block format (storage specification §4): which leaves data.parquet has, in which order, and what
/// they are called. All versions tell the same story, so readers and writers name columns as vParquet5 does (the
/// <em>logical</em> path, "rs.ss.Spans.Name") and ask here where that stands. Here is what the versions share; what one does
/// otherwise is in the file of its name. One row is one trace.
/// </summary>
public abstract class BlockVersion
{
    /// <summary>What is written unless something else is configured.</summary>
    public static readonly BlockVersion Default = new VParquet5();

    /// <summary>All that can be read, newest first.</summary>
    public static readonly IReadOnlyList<BlockVersion> All = [Default, new VParquet4(), new VParquet3()];

    private protected BlockVersion(string name) => Name = name;

    /// <summary>The word in meta.json's <c>format</c>.</summary>
    public string Name { get; }

    /// <summary>New blocks may have this version.</summary>
    public virtual bool CanWrite => true;

    /// <summary>The version of that name, or null if it is not one that is read.</summary>
    public static BlockVersion? Find(string name) => All.FirstOrDefault(version => version.Name == name);

    /// <summary>The version of that name; throws <see cref="ParquetFormatException"/> if it is not one that is read.</summary>
    public static BlockVersion Get(string name) =>
        Find(name) ?? throw new ParquetFormatException(
            $"format '{name}' is not read; {string.Join(", ", All.Select(static version => version.Name))} are");

    /// <summary>
    /// The leaves of a block with these dedicated columns. Tempo opens a block with a schema of its own and reads whole traces
    /// by column number, so what is written must be exactly these in this order: a wrong list ends its querier process.
    /// </summary>
    public ParquetSchema BuildSchema(DedicatedColumns dedicated) => new(
        "Trace",
        [
            Binary("TraceID"),
            Text("TraceIDText"),
            UInt64("StartTimeUnixNano"),
            UInt64("EndTimeUnixNano"),
            UInt64("DurationNano"),
            Text("RootServiceName"),
            Text("RootSpanName"),
            .. ServiceStats(),
            Repeated("rs", Group("Resource", Repetition.Required, Resource(dedicated)), Repeated("ss", ScopeSpans(dedicated))),
        ]);

    /// <summary>
    /// Checks that the leaves are the expected ones, in order and type: whole traces are read by column number by Tempo, which
    /// a wrong list brings down, so no block becomes visible without this check. Throws <see cref="ParquetFormatException"/>.
    /// </summary>
    public void CheckLeaves(ParquetSchema actual, DedicatedColumns dedicated)
    {
        var expected = BuildSchema(dedicated);
        for (var i = 0; i < Math.Max(actual.Columns.Count, expected.Columns.Count); i++)
        {
            var a = i < actual.Columns.Count ? actual.Columns[i] : null;
            var e = i < expected.Columns.Count ? expected.Columns[i] : null;
            if (a?.Path == e?.Path && a?.Type == e?.Type && a?.MaxDefinitionLevel == e?.MaxDefinitionLevel
                && a?.MaxRepetitionLevel == e?.MaxRepetitionLevel)
                continue;
            throw new ParquetFormatException(
                $"leaf {i} is {a?.Path ?? "missing"} ({a?.Type}); {e?.Path ?? "none"} ({e?.Type}) belongs there");
        }
    }

    /// <summary>
    /// The columns that hold one attribute each, in the order in which a writer looks for one; of the scopes span, resource
    /// and event. The block's own list is authoritative for its dedicated columns.
    /// </summary>
    internal abstract IEnumerable<AttributeLeaf> AttributeLeaves(DedicatedColumns dedicated, AttributeScope scope);

    /// <summary>The dedicated columns of the list that this version has room for; other attributes are stored as all others are.</summary>
    public virtual DedicatedColumns Supported(DedicatedColumns dedicated) => dedicated;

    /// <summary>The logical path of a leaf of this version's schema.</summary>
    internal virtual string LogicalPath(ParquetColumn column) => column.Path;

    /// <summary>
    /// Finds the leaves in a file, by name. Throws <see cref="ParquetFormatException"/> if one is missing or stored otherwise.
    /// </summary>
    internal BlockColumnMap Map(ParquetSchema file, DedicatedColumns dedicated) =>
        BlockColumnMap.Create(this, ExpectedIn(file, dedicated), file);

    /// <summary>
    /// A file may have leaves beside the expected ones, which are passed over. Not in a version that is not developed any more:
    /// there a name that nobody knows is a name that was damaged.
    /// </summary>
    internal virtual bool AllowsMoreLeaves => false;

    /// <summary>The leaves that are read of a file, in order: those of its version, or of the form of it that it has.</summary>
    internal ParquetSchema ReadSchema(ParquetSchema file, DedicatedColumns dedicated) => ExpectedIn(file, dedicated);

    /// <summary>The leaves that a file must have to be read.</summary>
    private protected virtual ParquetSchema ExpectedIn(ParquetSchema file, DedicatedColumns dedicated) => BuildSchema(dedicated);

    /// <summary>A group, or with one child without a name of its own a leaf, that may stand any number of times.</summary>
    private protected abstract SchemaNode Repeated(string name, params SchemaNode[] children);

    private protected abstract SchemaNode[] ServiceStats();

    private protected abstract SchemaNode[] Resource(DedicatedColumns dedicated);

    private protected virtual SchemaNode[] Scope() => [Text("Name"), Text("Version"), Attributes(), Int32("DroppedAttributesCount")];

    private protected virtual SchemaNode[] ScopeSpans(DedicatedColumns dedicated) =>
        [Group("Scope", Repetition.Required, Scope()), Repeated("Spans", Span(dedicated))];

    private protected abstract SchemaNode[] Span(DedicatedColumns dedicated);

    /// <summary>The leaves that a span has in all versions, in four parts.</summary>
    private protected static SchemaNode[] SpanTree =>
        [Binary("SpanID"), Binary("ParentSpanID"), Int32("ParentID"), Int32("NestedSetLeft"), Int32("NestedSetRight")];

    private protected static SchemaNode[] SpanFields =>
    [
        Text("Name"),
        Int64("Kind"),
        Text("TraceState"),
        UInt64("StartTimeUnixNano"),
        UInt64("DurationNano"),
        Int64("StatusCode"),
        Text("StatusMessage"),
    ];

    private protected SchemaNode[] SpanParts(DedicatedColumns dedicated) =>
    [
        Attributes(),
        Int32("DroppedAttributesCount"),
        Repeated("Events", Event(dedicated)),
        Int32("DroppedEventsCount"),
        Links(),
        Int32("DroppedLinksCount"),
    ];

    private protected abstract SchemaNode[] Event(DedicatedColumns dedicated);

    private protected virtual SchemaNode Links() =>
        Repeated("Links", Binary("TraceID"), Binary("SpanID"), Text("TraceState"), Attributes(), Int32("DroppedAttributesCount"));

    private protected virtual SchemaNode Attributes() => Repeated(
        "Attrs",
        Text("Key"),
        SchemaNode.Boolean("IsArray"),
        RepeatedLeaf("Value", Text),
        RepeatedLeaf("ValueInt", Int64),
        RepeatedLeaf("ValueDouble", SchemaNode.Double),
        RepeatedLeaf("ValueBool", SchemaNode.Boolean),
        Text("ValueUnsupported", Repetition.Optional));

    private protected abstract SchemaNode RepeatedLeaf(string name, Func<string, Repetition, SchemaNode> leaf);
}

/// <summary>A leaf that holds the values of one attribute key.</summary>
/// <param name="Key">The attribute's key; null for a leaf that the schema has and no attribute is assigned to.</param>
/// <param name="Type">String or Int.</param>
/// <param name="Options">What is known of the values.</param>
/// <param name="Field">Where the leaf stands below its owner: "DedicatedAttributes.String01", "Cluster".</param>
/// <param name="IsRepeated">It may hold the items of an array; else one value or none.</param>
internal readonly record struct AttributeLeaf(
    string? Key, AttributeType Type, DedicatedColumnOptions Options, string Field, bool IsRepeated);
