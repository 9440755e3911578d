using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;
using static Tempo.Engine.Parquet.SchemaNode;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// The vParquet5 schema (storage specification §4.2). Tempo opens a block with a schema of its own and reads whole traces by
/// column number, so leaves and their order must be exactly these: a wrong list ends its querier process.
/// One row is one trace.
/// </summary>
public static class TraceSchema
{
    public const string Format = "vParquet5";

    /// <summary>The schema of a block with these dedicated columns.</summary>
    public static ParquetSchema Build(DedicatedColumns dedicated) => new(
        "Trace",
        Binary("TraceID"),
        Text("TraceIDText"),
        UInt64("StartTimeUnixNano"),
        UInt64("EndTimeUnixNano"),
        UInt64("DurationNano"),
        Text("RootServiceName"),
        Text("RootSpanName"),
        Group("ServiceStats", Repetition.Repeated, Text("ServiceName"), UInt32("SpanCount"), UInt32("ErrorCount")),
        Group("rs", Repetition.Repeated, Resource(dedicated), ScopeSpans(dedicated)));

    private static SchemaNode Resource(DedicatedColumns dedicated) => Group(
        "Resource",
        Repetition.Required,
        [Text("ServiceName"), Attributes(), Int32("DroppedAttributesCount"), .. Dedicated(dedicated, AttributeScope.Resource)]);

    private static SchemaNode ScopeSpans(DedicatedColumns dedicated) => Group(
        "ss",
        Repetition.Repeated,
        Group("Scope", Repetition.Required, Text("Name"), Text("Version"), Attributes(), Int32("DroppedAttributesCount")),
        Spans(dedicated),
        Int32("SpanCount"));

    private static SchemaNode Spans(DedicatedColumns dedicated) => Group(
        "Spans",
        Repetition.Repeated,
        [
            Binary("SpanID"),
            Binary("ParentSpanID"),
            Int32("ParentID"),
            Int32("NestedSetLeft"),
            Int32("NestedSetRight"),
            Int32("ChildCount"),
            Text("Name"),
            Int64("Kind"),
            Text("TraceState"),
            UInt64("StartTimeUnixNano"),
            UInt64("DurationNano"),
            Int64("StatusCode"),
            Text("StatusMessage"),
            Attributes(),
            Int32("DroppedAttributesCount"),
            Events(dedicated),
            Int32("DroppedEventsCount"),
            Links(),
            Int32("DroppedLinksCount"),
            .. Dedicated(dedicated, AttributeScope.Span),
            UInt32("StartTimeRounded15"),
            UInt32("StartTimeRounded60"),
            UInt32("StartTimeRounded300"),
            UInt32("StartTimeRounded3600"),
        ]);

    private static SchemaNode Events(DedicatedColumns dedicated) => Group(
        "Events",
        Repetition.Repeated,
        [
            UInt64("TimeSinceStartNano"),
            Text("Name"),
            Attributes(),
            Int32("DroppedAttributesCount"),
            .. Dedicated(dedicated, AttributeScope.Event),
        ]);

    private static SchemaNode Links() => Group(
        "Links",
        Repetition.Repeated,
        Binary("TraceID"),
        Binary("SpanID"),
        Text("TraceState"),
        Attributes(),
        Int32("DroppedAttributesCount"));

    private static SchemaNode Attributes() => Group(
        "Attrs",
        Repetition.Repeated,
        Text("Key"),
        SchemaNode.Boolean("IsArray"),
        Text("Value", Repetition.Repeated),
        Int64("ValueInt", Repetition.Repeated),
        SchemaNode.Double("ValueDouble", Repetition.Repeated),
        SchemaNode.Boolean("ValueBool", Repetition.Repeated),
        Text("ValueUnsupported", Repetition.Optional));

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
