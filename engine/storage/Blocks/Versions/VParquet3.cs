using Tempo.Engine.Parquet;
using static Tempo.Engine.Parquet.SchemaNode;

namespace Tempo.Engine.Storage.Blocks.Versions;

/// <summary>
/// vParquet3, of Tempo 2.3 to 2.5; read only. As vParquet4, and:
/// <code>
/// Attrs   Key; Value, ValueInt, ValueDouble, ValueBool one value or none; no IsArray. Any other value is proto-JSON:
///         in ValueDropped, which counts as dropped, or, in older files, in ValueArray and ValueKVList
/// Events  TimeUnixNano is absolute; an attribute's value is a protobuf AnyValue (proto-JSON in older files)
/// Links   one leaf: protobuf, field 1 a link, repeated
/// Scope   Name and Version only
/// </code>
/// Older files have no Resource.DroppedAttributesCount and no ServiceStats.
/// </summary>
internal sealed class VParquet3 : VParquet4
{
    private readonly bool _hasValueDropped;
    private readonly bool _hasResourceDropped;
    private readonly bool _hasServiceStats;

    public VParquet3()
        : this(hasValueDropped: true, hasResourceDropped: true, hasServiceStats: true)
    {
    }

    public VParquet3(bool hasValueDropped, bool hasResourceDropped, bool hasServiceStats)
        : base("vParquet3") =>
        (_hasValueDropped, _hasResourceDropped, _hasServiceStats) = (hasValueDropped, hasResourceDropped, hasServiceStats);

    public override bool CanWrite => false;

    private protected override ParquetSchema ExpectedIn(ParquetSchema file, DedicatedColumns dedicated)
    {
        const string Resource = "rs.list.element.Resource.";
        return new VParquet3(
            hasValueDropped: file.TryFindColumn(Resource + "Attrs.list.element.ValueDropped", out _),
            hasResourceDropped: file.TryFindColumn(Resource + "DroppedAttributesCount", out _),
            hasServiceStats: file.Root.Children.Any(static node => node.Name == "ServiceStats")).BuildSchema(dedicated);
    }

    private protected override SchemaNode[] ServiceStats() => _hasServiceStats ? base.ServiceStats() : [];

    private protected override SchemaNode[] Scope() => [Text("Name"), Text("Version")];

    private protected override SchemaNode[] Resource(DedicatedColumns dedicated) =>
        _hasResourceDropped
            ? base.Resource(dedicated)
            : [Attributes(), .. ResourceColumns()];

    private protected override SchemaNode[] Event(DedicatedColumns dedicated) =>
        [UInt64("TimeUnixNano"), Text("Name"), Repeated("Attrs", Text("Key"), Binary("Value")), Int32("DroppedAttributesCount")];

    private protected override SchemaNode Links() => Binary("Links");

    private protected override SchemaNode Attributes() => Repeated(
        "Attrs",
        [
            Text("Key"),
            Text("Value", Repetition.Optional),
            Int64("ValueInt", Repetition.Optional),
            SchemaNode.Double("ValueDouble", Repetition.Optional),
            SchemaNode.Boolean("ValueBool", Repetition.Optional),
            .. _hasValueDropped
                ? [Text("ValueDropped", Repetition.Optional)]
                : new[] { Text("ValueKVList", Repetition.Optional), Text("ValueArray", Repetition.Optional) },
        ]);
}
