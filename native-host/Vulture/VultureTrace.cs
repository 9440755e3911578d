using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Tempo.Host.Vulture;

/// <summary>
/// A trace that a number decides altogether: what was sent can be told from the ledger's line alone, by any process, at any
/// time. Not thread safe.
/// </summary>
/// <param name="Seed">Decides everything but the time.</param>
/// <param name="StartUnixMs">When the trace was sent; its spans start then, and end within a second.</param>
internal sealed record VultureTrace(ulong Seed, long StartUnixMs)
{
    private const int MostSpans = 20;

    /// <summary>32 hex digits.</summary>
    public string Id => $"{Mix(1):x16}{Mix(2):x16}";

    /// <summary>Of all its spans, and of no other trace's.</summary>
    public string SpanName => $"vulture-{Seed:x16}";

    public int SpanCount => 1 + (int)(Mix(3) % MostSpans);

    /// <summary>As an OTLP/JSON request.</summary>
    public ReadOnlyMemory<byte> ToOtlpJson()
    {
        var body = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        json.WriteStartArray("resourceSpans");
        json.WriteStartObject();
        json.WriteStartObject("resource");
        json.WriteStartArray("attributes");
        Attribute(json, "service.name", "tempo-vulture");
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartArray("scopeSpans");
        json.WriteStartObject();
        json.WriteStartArray("spans");
        for (var i = 0; i < SpanCount; i++) Span(json, i);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return body.WrittenMemory;
    }

    /// <summary>One line for each span, sorted: what an answer is held against.</summary>
    public string[] Describe() =>
        [.. Enumerable.Range(0, SpanCount).Select(
            i => VultureAnswer.Line(SpanId(i), Parent(i), SpanName, $"{Start(i)}", $"{End(i)}", Text(i), $"{i}"))
                .Order(StringComparer.Ordinal)];

    private void Span(Utf8JsonWriter json, int i)
    {
        json.WriteStartObject();
        json.WriteString("traceId", Id);
        json.WriteString("spanId", SpanId(i));
        if (i > 0) json.WriteString("parentSpanId", Parent(i));
        json.WriteString("name", SpanName);
        json.WriteNumber("kind", 1);
        json.WriteString("startTimeUnixNano", $"{Start(i)}");
        json.WriteString("endTimeUnixNano", $"{End(i)}");
        json.WriteStartArray("attributes");
        Attribute(json, VultureAnswer.TextKey, Text(i));
        json.WriteStartObject();
        json.WriteString("key", VultureAnswer.NumberKey);
        json.WriteStartObject("value");
        json.WriteString("intValue", $"{i}");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Attribute(Utf8JsonWriter json, string key, string value)
    {
        json.WriteStartObject();
        json.WriteString("key", key);
        json.WriteStartObject("value");
        json.WriteString("stringValue", value);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private string SpanId(int i) => $"{Mix(100 + (ulong)i) | 1:x16}";

    private string Parent(int i) => i == 0 ? "" : SpanId((int)(Mix(200 + (ulong)i) % (ulong)i));

    private long Start(int i) => StartUnixMs * 1_000_000 + i * 1000L;

    private long End(int i) => Start(i) + 1 + (long)(Mix(300 + (ulong)i) % 900_000_000);

    private string Text(int i) => Mix(400 + (ulong)i).ToString("x", CultureInfo.InvariantCulture);

    // A well-mixed number for each use of the seed (splitmix64: public domain).
    private ulong Mix(ulong use)
    {
        var z = Seed + use * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
