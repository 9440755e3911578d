using Tempo.Engine.Otlp.Fields;

namespace Tempo.Engine.Otlp.Json;

/// <summary>
/// The OTLP trace messages as JSON knows them: one table for both directions. Order is that of the .proto files (see
/// Fields/), which is why a span's flags stand in the middle.
/// </summary>
internal static class OtlpJsonSchema
{
    public static readonly JsonMessage TracesData = new();
    public static readonly JsonMessage AnyValue = new() { IsOneof = true };
    public static readonly JsonMessage KeyValue = new();

    static OtlpJsonSchema()
    {
        var keyValue = KeyValue;
        DeclareAttributes();
        var resource = new JsonMessage();
        resource.Declare(
            new("attributes", ResourceTag.Attributes, JsonFieldKind.RepeatedMessage, keyValue),
            new("droppedAttributesCount", ResourceTag.DroppedAttributesCount, JsonFieldKind.UInt32));

        var scope = new JsonMessage();
        scope.Declare(
            new("name", InstrumentationScopeTag.Name, JsonFieldKind.String),
            new("version", InstrumentationScopeTag.Version, JsonFieldKind.String),
            new("attributes", InstrumentationScopeTag.Attributes, JsonFieldKind.RepeatedMessage, keyValue),
            new("droppedAttributesCount", InstrumentationScopeTag.DroppedAttributesCount, JsonFieldKind.UInt32));

        var scopeSpans = new JsonMessage();
        scopeSpans.Declare(
            new("scope", ScopeSpansTag.Scope, JsonFieldKind.Message, scope),
            new("spans", ScopeSpansTag.Spans, JsonFieldKind.RepeatedMessage, DeclareSpan(keyValue)),
            new("schemaUrl", ScopeSpansTag.SchemaUrl, JsonFieldKind.String) { IsInputOnly = true });

        var resourceSpans = new JsonMessage();
        resourceSpans.Declare(
            new("resource", ResourceSpansTag.Resource, JsonFieldKind.Message, resource),
            new("scopeSpans", ResourceSpansTag.ScopeSpans, JsonFieldKind.RepeatedMessage, scopeSpans),
            new("schemaUrl", ResourceSpansTag.SchemaUrl, JsonFieldKind.String) { IsInputOnly = true });

        TracesData.Declare(new JsonField("resourceSpans", TracesDataTag.ResourceSpans, JsonFieldKind.RepeatedMessage, resourceSpans));
    }

    private static void DeclareAttributes()
    {
        var keyValue = KeyValue;
        keyValue.Declare(
            new("key", KeyValueTag.Key, JsonFieldKind.String),
            new("value", KeyValueTag.Value, JsonFieldKind.Message, AnyValue));

        var arrayValue = new JsonMessage();
        arrayValue.Declare(new JsonField("values", ArrayValueTag.Values, JsonFieldKind.RepeatedMessage, AnyValue));
        var keyValueList = new JsonMessage();
        keyValueList.Declare(new JsonField("values", KeyValueListTag.Values, JsonFieldKind.RepeatedMessage, keyValue));

        AnyValue.Declare(
            new("stringValue", AnyValueTag.StringValue, JsonFieldKind.String),
            new("boolValue", AnyValueTag.BoolValue, JsonFieldKind.Bool),
            new("intValue", AnyValueTag.IntValue, JsonFieldKind.Int64),
            new("doubleValue", AnyValueTag.DoubleValue, JsonFieldKind.Double),
            new("arrayValue", AnyValueTag.ArrayValue, JsonFieldKind.Message, arrayValue),
            new("kvlistValue", AnyValueTag.KeyValueListValue, JsonFieldKind.Message, keyValueList),
            new("bytesValue", AnyValueTag.BytesValue, JsonFieldKind.Bytes));
    }

    private static JsonMessage DeclareSpan(JsonMessage keyValue)
    {
        var spanEvent = new JsonMessage();
        spanEvent.Declare(
            new("timeUnixNano", EventTag.TimeUnixNano, JsonFieldKind.Fixed64),
            new("name", EventTag.Name, JsonFieldKind.String),
            new("attributes", EventTag.Attributes, JsonFieldKind.RepeatedMessage, keyValue),
            new("droppedAttributesCount", EventTag.DroppedAttributesCount, JsonFieldKind.UInt32));

        var link = new JsonMessage();
        link.Declare(
            new("traceId", LinkTag.TraceId, JsonFieldKind.TraceId),
            new("spanId", LinkTag.SpanId, JsonFieldKind.SpanId),
            new("traceState", LinkTag.TraceState, JsonFieldKind.String),
            new("attributes", LinkTag.Attributes, JsonFieldKind.RepeatedMessage, keyValue),
            new("droppedAttributesCount", LinkTag.DroppedAttributesCount, JsonFieldKind.UInt32),
            new("flags", LinkTag.Flags, JsonFieldKind.Fixed32));

        var status = new JsonMessage();
        status.Declare(
            new("message", StatusTag.Message, JsonFieldKind.String),
            new("code", StatusTag.Code, JsonFieldKind.Enum, enumNames: SpanNames.Statuses));

        var span = new JsonMessage();
        span.Declare(
            new("traceId", SpanTag.TraceId, JsonFieldKind.TraceId),
            new("spanId", SpanTag.SpanId, JsonFieldKind.SpanId),
            new("traceState", SpanTag.TraceState, JsonFieldKind.String),
            new("parentSpanId", SpanTag.ParentSpanId, JsonFieldKind.SpanId),
            new("flags", SpanTag.Flags, JsonFieldKind.Fixed32),
            new("name", SpanTag.Name, JsonFieldKind.String),
            new("kind", SpanTag.Kind, JsonFieldKind.Enum, enumNames: SpanNames.Kinds),
            new("startTimeUnixNano", SpanTag.StartTimeUnixNano, JsonFieldKind.Fixed64),
            new("endTimeUnixNano", SpanTag.EndTimeUnixNano, JsonFieldKind.Fixed64),
            new("attributes", SpanTag.Attributes, JsonFieldKind.RepeatedMessage, keyValue),
            new("droppedAttributesCount", SpanTag.DroppedAttributesCount, JsonFieldKind.UInt32),
            new("events", SpanTag.Events, JsonFieldKind.RepeatedMessage, spanEvent),
            new("droppedEventsCount", SpanTag.DroppedEventsCount, JsonFieldKind.UInt32),
            new("links", SpanTag.Links, JsonFieldKind.RepeatedMessage, link),
            new("droppedLinksCount", SpanTag.DroppedLinksCount, JsonFieldKind.UInt32),
            new("status", SpanTag.Status, JsonFieldKind.Message, status));
        return span;
    }
}
