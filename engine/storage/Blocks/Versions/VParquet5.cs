using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;
using static Tempo.Engine.Parquet.SchemaNode;

namespace Tempo.Engine.Storage.Blocks.Versions;

/// <summary>
/// vParquet5 (storage specification §4.2): plain repeated groups. Dedicated columns may hold arrays and integers, in three
/// scopes; a column that no attribute is assigned to is not in the file.
/// </summary>
internal sealed class VParquet5() : BlockVersion("vParquet5")
{
    internal override bool AllowsMoreLeaves => true;

    internal override IEnumerable<AttributeLeaf> AttributeLeaves(DedicatedColumns dedicated, AttributeScope scope) =>
        dedicated.Of(scope).Select(
            static column => new AttributeLeaf(
                column.Spec.Name, column.Spec.Type, column.Spec.Options, "DedicatedAttributes." + column.Field, IsRepeated: true));

    private protected override SchemaNode Repeated(string name, params SchemaNode[] children) => Group(name, Repetition.Repeated, children);

    private protected override SchemaNode RepeatedLeaf(string name, Func<string, Repetition, SchemaNode> leaf) =>
        leaf(name, Repetition.Repeated);

    private protected override SchemaNode[] ServiceStats() =>
        [Repeated("ServiceStats", Text("ServiceName"), UInt32("SpanCount"), UInt32("ErrorCount"))];

    private protected override SchemaNode[] Resource(DedicatedColumns dedicated) =>
        [Text("ServiceName"), Attributes(), Int32("DroppedAttributesCount"), .. Dedicated(dedicated, AttributeScope.Resource)];

    private protected override SchemaNode[] ScopeSpans(DedicatedColumns dedicated) => [.. base.ScopeSpans(dedicated), Int32("SpanCount")];

    private protected override SchemaNode[] Span(DedicatedColumns dedicated) =>
    [
        .. SpanTree,
        Int32("ChildCount"),
        .. SpanFields,
        .. SpanParts(dedicated),
        .. Dedicated(dedicated, AttributeScope.Span),
        UInt32("StartTimeRounded15"),
        UInt32("StartTimeRounded60"),
        UInt32("StartTimeRounded300"),
        UInt32("StartTimeRounded3600"),
    ];

    private protected override SchemaNode[] Event(DedicatedColumns dedicated) =>
        [UInt64("TimeSinceStartNano"), Text("Name"), Attributes(), Int32("DroppedAttributesCount"),
            .. Dedicated(dedicated, AttributeScope.Event)];

    // A scope without dedicated columns has no group at all.
    private static SchemaNode[] Dedicated(DedicatedColumns dedicated, AttributeScope scope)
    {
        SchemaNode[] leaves =
        [
            .. dedicated.Of(scope).Select(static column => column.Spec.Type == AttributeType.String
                ? Text(column.Field, Repetition.Repeated)
                : Int64(column.Field, Repetition.Repeated)),
        ];
        return leaves.Length == 0 ? [] : [Group("DedicatedAttributes", Repetition.Required, leaves)];
    }
}
