using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Query.Traces;
using Tempo.Host.Foreign;

namespace Tempo.Host.Http;

/// <summary>
/// A trace for language models (<c>Accept: application/vnd.grafana.llm</c>): hex ids, attributes as plain JSON objects with
/// sorted keys, spans below their services and scopes; what is empty is left out. It says nothing of a partial answer, as in
/// Tempo. Written whole: nobody gives a model a trace of a gigabyte.
/// </summary>
internal static class TraceLlmJson
{
    // Quotes and backslashes are escaped; other characters stay what a reader can read.
    private static readonly JsonWriterOptions Options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static void Write(FoundTrace trace, TraceByIdBody body, IBufferWriter<byte> output)
    {
        using var json = new Utf8JsonWriter(output, Options);
        json.WriteStartObject();
        if (trace.SpanCount > 0) WriteTrace(json, trace, body);
        json.WriteEndObject();
    }

    private static void WriteTrace(Utf8JsonWriter json, FoundTrace trace, TraceByIdBody body)
    {
        json.WriteStartObject("trace");
        var (resource, scope) = (default(ResourceRecord), default(ScopeRecord));
        var isMore = true;
        while (isMore)
        {
            foreach (var span in body.ReadPart(out isMore))
            {
                if (resource is null)
                {
                    json.WriteString("traceId", span.TraceId.ToString());
                    json.WriteStartArray("services");
                }

                if (span.Resource != resource || span.Scope != scope)
                {
                    if (scope is not null) EndScope(json);
                    if (span.Resource != resource)
                    {
                        if (resource is not null) EndService(json);
                        BeginService(json, span.Resource);
                    }

                    BeginScope(json, span.Scope);
                    (resource, scope) = (span.Resource, span.Scope);
                }

                WriteSpan(json, span);
            }
        }

        if (resource is not null)
        {
            EndScope(json);
            EndService(json);
            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteStartObject("metrics");
        if (trace.InspectedBytes > 0) json.WriteNumber("inspectedBytes", trace.InspectedBytes);
        json.WriteEndObject();
    }

    private static void BeginService(Utf8JsonWriter json, ResourceRecord resource)
    {
        json.WriteStartObject();
        json.WriteString("serviceName", resource.ServiceName);
        WriteAttributes(json, "resource", resource.Attributes, leaveOut: "service.name");
        json.WriteStartArray("scopes");
    }

    private static void EndService(Utf8JsonWriter json)
    {
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void BeginScope(Utf8JsonWriter json, ScopeRecord scope)
    {
        json.WriteStartObject();
        WriteText(json, "name", scope.Name);
        WriteText(json, "version", scope.Version);
        json.WriteStartArray("spans");
    }

    private static void EndScope(Utf8JsonWriter json)
    {
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteSpan(Utf8JsonWriter json, SpanRecord span)
    {
        json.WriteStartObject();
        json.WriteString("spanId", new SpanId(span.SpanId).ToString());
        WriteText(json, "name", span.Name);
        if (span.ParentSpanId != 0) json.WriteString("parentSpanId", new SpanId(span.ParentSpanId).ToString());
        if (span.Kind > 0 && span.Kind < SpanNames.Kinds.Length) json.WriteString("kind", SpanNames.Kinds[span.Kind]);
        json.WriteString("startTimeUnixNano", span.StartUnixNano.ToString(CultureInfo.InvariantCulture));
        json.WriteString("endTimeUnixNano", span.EndUnixNano.ToString(CultureInfo.InvariantCulture));
        if (span.DurationNano > 0) json.WriteNumber("durationMs", span.DurationNano / 1e6);
        WriteAttributes(json, "attributes", span.Attributes);
        if (span.Events.Count > 0) WriteEvents(json, span.Events);
        if (span.Links.Count > 0) WriteLinks(json, span.Links);
        json.WriteStartObject("status");
        json.WriteString("code", SpanNames.Statuses[span.StatusCode is > 0 and < 3 ? span.StatusCode : 0]);
        json.WriteString("message", span.StatusMessage);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteEvents(Utf8JsonWriter json, List<EventRecord> events)
    {
        json.WriteStartArray("events");
        foreach (var record in events)
        {
            json.WriteStartObject();
            WriteText(json, "name", record.Name);
            json.WriteString("timeUnixNano", record.UnixNano.ToString(CultureInfo.InvariantCulture));
            WriteAttributes(json, "attributes", record.Attributes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteLinks(Utf8JsonWriter json, List<LinkRecord> links)
    {
        json.WriteStartArray("links");
        foreach (var link in links)
        {
            json.WriteStartObject();
            json.WriteString("traceId", link.TraceId.ToString());
            json.WriteString("spanId", new SpanId(link.SpanId).ToString());
            WriteAttributes(json, "attributes", link.Attributes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string text)
    {
        if (text.Length > 0) json.WriteString(name, text);
    }

    // Of two attributes of one key the later one counts, as in a map.
    private static void WriteAttributes(Utf8JsonWriter json, string name, List<AttributeRecord> attributes, string? leaveOut = null)
    {
        var sorted = new SortedDictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (key, value) in attributes)
            if (key != leaveOut)
                sorted[key] = value;
        if (sorted.Count == 0) return;
        json.WriteStartObject(name);
        foreach (var (key, value) in sorted)
        {
            json.WritePropertyName(key);
            AttributeJson.WriteValue(json, value);
        }

        json.WriteEndObject();
    }
}
