using System.Globalization;
using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Foreign.Jaeger;

/// <summary>
/// Jaeger's JSON of a trace. Times are microseconds; what OpenTelemetry made fields of are tags here; a span names its
/// resource as a process, and the processes stand behind the spans:
/// <code>
/// {"traceID":"…","spans":[{"traceID","spanID","operationName","references":[…],"startTime","duration","tags":[…],"logs":[…],
///  "processID":"p1"}…],"processes":{"p1":{"serviceName":"…","tags":[…]}}}
/// </code>
/// </summary>
internal sealed class JaegerJson(Utf8JsonWriter json)
{
    private const ulong MicrosecondNano = 1000;

    private readonly Dictionary<ResourceRecord, string> _processes = [];

    /// <summary>Kinds as tags, by OTLP's number.</summary>
    public static readonly string[] Kinds = ["", "internal", "server", "client", "producer", "consumer"];

    /// <summary>16 digits where the upper half is empty, else 32.</summary>
    public static string IdOf(TraceId id) => id.High == 0 ? id.ToString()[16..] : id.ToString();

    public void BeginTrace(TraceId id)
    {
        _processes.Clear();
        json.WriteStartObject();
        json.WriteString("traceID", IdOf(id));
        json.WriteStartArray("spans");
    }

    public void EndTrace()
    {
        json.WriteEndArray();
        json.WriteStartObject("processes");
        foreach (var (resource, process) in _processes.OrderBy(static p => p.Value.Length)
            .ThenBy(static p => p.Value, StringComparer.Ordinal))
        {
            json.WriteStartObject(process);
            json.WriteString("serviceName", resource.ServiceName);
            json.WriteStartArray("tags");
            foreach (var attribute in resource.Attributes)
                if (attribute.Key != "service.name")
                    WriteTag(attribute.Key, attribute.Value);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteNull("warnings");
        json.WriteEndObject();
    }

    public void WriteSpan(SpanRecord span)
    {
        json.WriteStartObject();
        json.WriteString("traceID", IdOf(span.TraceId));
        json.WriteString("spanID", new SpanId(span.SpanId).ToString());
        if (span.Flags != 0) json.WriteNumber("flags", span.Flags & 0xFF);
        json.WriteString("operationName", span.Name);
        json.WriteStartArray("references");
        if (span.ParentSpanId != 0) WriteReference("CHILD_OF", span.TraceId, span.ParentSpanId);
        foreach (var link in span.Links) WriteReference("FOLLOWS_FROM", link.TraceId, link.SpanId);
        json.WriteEndArray();
        json.WriteNumber("startTime", span.StartUnixNano / MicrosecondNano);
        json.WriteNumber("duration", span.DurationNano / MicrosecondNano);
        WriteTags(span);
        WriteLogs(span.Events);
        json.WriteString("processID", ProcessOf(span.Resource));
        json.WriteNull("warnings");
        json.WriteEndObject();
    }

    private string ProcessOf(ResourceRecord resource)
    {
        if (_processes.TryGetValue(resource, out var process)) return process;

        // A part of a trace brings its resources anew.
        foreach (var (known, name) in _processes)
            if (known.ServiceName == resource.ServiceName && known.Attributes.Count == resource.Attributes.Count
                && AreSame(known, resource))
                return name;
        process = string.Create(CultureInfo.InvariantCulture, $"p{_processes.Count + 1}");
        _processes.Add(resource, process);
        return process;
    }

    private static bool AreSame(ResourceRecord a, ResourceRecord b)
    {
        for (var i = 0; i < a.Attributes.Count; i++)
            if (a.Attributes[i].Key != b.Attributes[i].Key
                || AttributeJson.ToText(a.Attributes[i].Value) != AttributeJson.ToText(b.Attributes[i].Value))
                return false;
        return true;
    }

    private void WriteReference(string type, TraceId trace, ulong span)
    {
        json.WriteStartObject();
        json.WriteString("refType", type);
        json.WriteString("traceID", IdOf(trace));
        json.WriteString("spanID", new SpanId(span).ToString());
        json.WriteEndObject();
    }

    private void WriteTags(SpanRecord span)
    {
        json.WriteStartArray("tags");
        foreach (var attribute in span.Attributes) WriteTag(attribute.Key, attribute.Value);
        if (span.Kind > 0 && span.Kind < Kinds.Length) WriteTag("span.kind", Kinds[span.Kind]);
        if (span.StatusCode == 2 && span.Find("error") is null) WriteTag("error", true);
        if (span.StatusCode is 1 or 2) WriteTag("otel.status_code", span.StatusCode == 1 ? "OK" : "ERROR");
        if (span.StatusMessage.Length > 0) WriteTag("otel.status_description", span.StatusMessage);
        if (span.Scope.Name.Length > 0) WriteTag("otel.scope.name", span.Scope.Name);
        if (span.Scope.Version.Length > 0) WriteTag("otel.scope.version", span.Scope.Version);
        if (span.TraceState.Length > 0) WriteTag("w3c.tracestate", span.TraceState);
        json.WriteEndArray();
    }

    private void WriteLogs(List<EventRecord> events)
    {
        json.WriteStartArray("logs");
        foreach (var record in events)
        {
            json.WriteStartObject();
            json.WriteNumber("timestamp", record.UnixNano / MicrosecondNano);
            json.WriteStartArray("fields");
            if (record.Name.Length > 0) WriteTag("event", record.Name);
            foreach (var attribute in record.Attributes) WriteTag(attribute.Key, attribute.Value);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    // Lists and maps are text to Jaeger, and so are numbers that JSON has not.
    private void WriteTag(string key, object? value)
    {
        json.WriteStartObject();
        json.WriteString("key", key);
        switch (value)
        {
            case bool flag:
                json.WriteString("type", "bool");
                json.WriteBoolean("value", flag);
                break;
            case long number:
                json.WriteString("type", "int64");
                json.WriteNumber("value", number);
                break;
            case double number when double.IsFinite(number):
                json.WriteString("type", "float64");
                json.WriteNumber("value", number);
                break;
            case byte[] bytes:
                json.WriteString("type", "binary");
                json.WriteBase64String("value", bytes);
                break;
            default:
                json.WriteString("type", "string");
                json.WriteString("value", AttributeJson.ToText(value));
                break;
        }

        json.WriteEndObject();
    }
}
