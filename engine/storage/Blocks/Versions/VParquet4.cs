using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;
using static Tempo.Engine.Parquet.SchemaNode;

namespace Tempo.Engine.Storage.Blocks.Versions;

/// <summary>
/// vParquet4 (storage specification §4.3): whatever repeats is a LIST of three levels and ServiceStats is a MAP, which changes
/// paths but no level. Eleven attributes have columns of their own in every block; ten more text columns of spans and ten of
/// resources are in every file, whether an attribute is assigned to them or not. All of them hold one value or none.
/// </summary>
internal class VParquet4 : BlockVersion
{
    private const int DedicatedColumnCount = 10;
    private const string List = "list", Element = "element";

    private static readonly (string Key, string Field)[] ResourceTexts =
    [
        ("cluster", "Cluster"),
        ("namespace", "Namespace"),
        ("pod", "Pod"),
        ("container", "Container"),
        ("k8s.cluster.name", "K8sClusterName"),
        ("k8s.namespace.name", "K8sNamespaceName"),
        ("k8s.pod.name", "K8sPodName"),
        ("k8s.container.name", "K8sContainerName"),
    ];

    public VParquet4()
        : base("vParquet4")
    {
    }

    private protected VParquet4(string name)
        : base(name)
    {
    }

    public override DedicatedColumns Supported(DedicatedColumns dedicated) =>
        DedicatedColumns.TryCreate(
            Assigned(dedicated, AttributeScope.Resource).Concat(Assigned(dedicated, AttributeScope.Span)), out var supported, out var error)
            ? supported
            : throw new InvalidOperationException(error);

    internal override IEnumerable<AttributeLeaf> AttributeLeaves(DedicatedColumns dedicated, AttributeScope scope)
    {
        if (scope is not (AttributeScope.Resource or AttributeScope.Span)) return [];
        var columns = Assigned(dedicated, scope).ToList();
        return [.. Static(scope), .. Enumerable.Range(0, DedicatedColumnCount).Select(i => new AttributeLeaf(
            i < columns.Count ? columns[i].Name : null,
            AttributeType.String,
            i < columns.Count ? columns[i].Options : DedicatedColumnOptions.None,
            $"DedicatedAttributes.{FieldName(i)}",
            IsRepeated: false))];
    }

    internal override string LogicalPath(ParquetColumn column)
    {
        if (column.PathParts[0] == "ServiceStats")
            return "ServiceStats." + (column.PathParts[^1] == "key" ? "ServiceName" : column.PathParts[^1]);
        var parts = new List<string>(column.PathParts.Count);
        for (var i = 0; i < column.PathParts.Count; i++)
        {
            if (column.PathParts[i] == List && i + 1 < column.PathParts.Count && column.PathParts[i + 1] == Element) i++;
            else parts.Add(column.PathParts[i]);
        }

        return string.Join('.', parts);
    }

    private protected override SchemaNode Repeated(string name, params SchemaNode[] children) =>
        ListOf(name, Group(Element, Repetition.Required, children));

    private protected override SchemaNode RepeatedLeaf(string name, Func<string, Repetition, SchemaNode> leaf) =>
        ListOf(name, leaf(Element, Repetition.Required));

    private protected override SchemaNode[] ServiceStats() =>
    [
        AnnotatedGroup(
            "ServiceStats",
            Repetition.Required,
            LogicalKind.Map,
            Group("key_value", Repetition.Repeated, Text("key"),
                Group("value", Repetition.Required, UInt32("SpanCount"), UInt32("ErrorCount")))),
    ];

    private protected override SchemaNode[] Resource(DedicatedColumns dedicated) =>
        [Attributes(), Int32("DroppedAttributesCount"), .. ResourceColumns()];

    private protected static SchemaNode[] ResourceColumns() =>
        [Text("ServiceName"), .. ResourceTexts.Select(static column => Text(column.Field, Repetition.Optional)), DedicatedGroup()];

    private protected override SchemaNode[] Span(DedicatedColumns dedicated) =>
    [
        .. SpanTree,
        .. SpanFields,
        .. SpanParts(dedicated),
        Text("HttpMethod", Repetition.Optional),
        Text("HttpUrl", Repetition.Optional),
        Int64("HttpStatusCode", Repetition.Optional),
        DedicatedGroup(),
    ];

    private protected override SchemaNode[] Event(DedicatedColumns dedicated) =>
        [UInt64("TimeSinceStartNano"), Text("Name"), Attributes(), Int32("DroppedAttributesCount")];

    // Tempo passes over entries that this version has no column for: integers, events, and more than ten.
    private static IEnumerable<DedicatedColumnSpec> Assigned(DedicatedColumns dedicated, AttributeScope scope) =>
        dedicated.Specs.Where(spec => spec.Scope == scope && spec.Type == AttributeType.String).Take(DedicatedColumnCount);

    private static IEnumerable<AttributeLeaf> Static(AttributeScope scope) => scope == AttributeScope.Resource
        ? ResourceTexts.Select(static column => One(column.Key, AttributeType.String, column.Field))
        : [One("http.method", AttributeType.String, "HttpMethod"), One("http.url", AttributeType.String, "HttpUrl"),
            One("http.status_code", AttributeType.Int, "HttpStatusCode")];

    private static AttributeLeaf One(string key, AttributeType type, string field) =>
        new(key, type, DedicatedColumnOptions.None, field, IsRepeated: false);

    private static SchemaNode DedicatedGroup() => Group(
        "DedicatedAttributes",
        Repetition.Required,
        [.. Enumerable.Range(0, DedicatedColumnCount).Select(static i => Text(FieldName(i), Repetition.Optional))]);

    private static string FieldName(int index) => $"String{index + 1:00}";

    private static SchemaNode ListOf(string name, SchemaNode element) =>
        AnnotatedGroup(name, Repetition.Required, LogicalKind.List, Group(List, Repetition.Repeated, element));
}
