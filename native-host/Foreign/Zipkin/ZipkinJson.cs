using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Foreign.Zipkin;

/// <summary>
/// Zipkin's JSON of a span, version 2. Times are microseconds; every tag is text; what happened is an annotation, which is
/// text too, so that the attributes of an event stand behind its name as JSON; who was called is told by attributes:
/// <code>
/// {"traceId","id","parentId","kind","name","timestamp","duration","localEndpoint":{"serviceName"},
///  "remoteEndpoint":{"serviceName","ipv4","port"},"annotations":[{"timestamp","value"}],"tags":{"k":"v"}}
/// </code>
/// </summary>
internal static class ZipkinJson
{
    private const ulong MicrosecondNano = 1000;

    private static readonly string[] Kinds = ["", "", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

    /// <summary>Attributes that tell of the other end of a call, by what they tell: the first one that is there counts.</summary>
    private static readonly RemoteKeys OfCaller = new(
        ["peer.service", "server.address", "net.peer.name"],
        ["net.peer.ip", "network.peer.address", "net.sock.peer.addr", "server.address"],
        ["net.peer.port", "network.peer.port", "net.sock.peer.port", "server.port"]);

    // Who is called says by server.address where it is itself.
    private static readonly RemoteKeys OfCalled = new(
        ["peer.service"],
        ["net.peer.ip", "network.peer.address", "net.sock.peer.addr", "client.address"],
        ["net.peer.port", "network.peer.port", "net.sock.peer.port", "client.port"]);

    private sealed record RemoteKeys(string[] Names, string[] Addresses, string[] Ports);

    /// <summary>16 digits where the upper half is empty, else 32.</summary>
    public static string IdOf(TraceId id) => id.High == 0 ? id.ToString()[16..] : id.ToString();

    public static void WriteSpan(Utf8JsonWriter json, SpanRecord span)
    {
        json.WriteStartObject();
        json.WriteString("traceId", IdOf(span.TraceId));
        if (span.ParentSpanId != 0) json.WriteString("parentId", new SpanId(span.ParentSpanId).ToString());
        json.WriteString("id", new SpanId(span.SpanId).ToString());
        if (span.Kind is >= SpanKind.Server and <= SpanKind.Consumer) json.WriteString("kind", Kinds[span.Kind]);
        if (span.Name.Length > 0) json.WriteString("name", span.Name);
        if (span.StartUnixNano > 0) json.WriteNumber("timestamp", span.StartUnixNano / MicrosecondNano);

        // Zipkin knows no duration of 0: absent is "not finished".
        json.WriteNumber("duration", Math.Max(1, span.DurationNano / MicrosecondNano));
        if (span.Resource.ServiceName.Length > 0)
        {
            json.WriteStartObject("localEndpoint");
            json.WriteString("serviceName", span.Resource.ServiceName);
            json.WriteEndObject();
        }

        WriteRemoteEndpoint(json, span);
        if (span.Events.Count > 0) WriteAnnotations(json, span.Events);
        WriteTags(json, span);
        json.WriteEndObject();
    }

    /// <summary>The service at the other end, as the remote endpoint of the span names it; empty: it does not.</summary>
    public static string PeerOf(SpanRecord span) => FirstText(span, KeysOf(span).Names);

    private static RemoteKeys KeysOf(SpanRecord span) => span.Kind is SpanKind.Server ? OfCalled : OfCaller;

    private static void WriteRemoteEndpoint(Utf8JsonWriter json, SpanRecord span)
    {
        var keys = KeysOf(span);
        var name = PeerOf(span);
        var addressText = FirstText(span, keys.Addresses);
        var hasAddress = IPAddress.TryParse(addressText, out var address);
        if (name.Length == 0 && !hasAddress) return;
        json.WriteStartObject("remoteEndpoint");
        if (name.Length > 0) json.WriteString("serviceName", name);
        if (hasAddress) json.WriteString(address!.AddressFamily == AddressFamily.InterNetworkV6 ? "ipv6" : "ipv4", address.ToString());
        if (int.TryParse(FirstText(span, keys.Ports), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= 65535)
            json.WriteNumber("port", port);
        json.WriteEndObject();
    }

    private static void WriteAnnotations(Utf8JsonWriter json, List<EventRecord> events)
    {
        json.WriteStartArray("annotations");
        foreach (var record in events)
        {
            json.WriteStartObject();
            json.WriteNumber("timestamp", record.UnixNano / MicrosecondNano);
            json.WriteString(
                "value", record.Attributes.Count == 0 ? record.Name : $"{record.Name}: {AttributeJson.ToText(record.Attributes)}");
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    // A name stands once in a JSON object: of two tags the later one counts, and those of the span over those of what sent it.
    private static void WriteTags(Utf8JsonWriter json, SpanRecord span)
    {
        var tags = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in span.Resource.Attributes)
            if (key != "service.name")
                tags[key] = AttributeJson.ToText(value);
        if (span.Scope.Name.Length > 0) tags["otel.scope.name"] = span.Scope.Name;
        if (span.Scope.Version.Length > 0) tags["otel.scope.version"] = span.Scope.Version;
        foreach (var (key, value) in span.Attributes) tags[key] = AttributeJson.ToText(value);
        if (span.StatusCode == 1) tags["otel.status_code"] = "OK";
        if (span.StatusCode == 2)
        {
            tags["otel.status_code"] = "ERROR";
            tags.TryAdd("error", span.StatusMessage.Length > 0 ? span.StatusMessage : "true");
        }

        if (span.TraceState.Length > 0) tags["w3c.tracestate"] = span.TraceState;
        if (tags.Count == 0) return;
        json.WriteStartObject("tags");
        foreach (var (key, value) in tags) json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static string FirstText(SpanRecord span, string[] keys)
    {
        foreach (var key in keys)
            if (span.Find(key) is { } value)
                return AttributeJson.ToText(value);
        return "";
    }
}
