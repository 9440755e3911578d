using System.Globalization;
using Tempo.SystemTests.Facts;

namespace Tempo.SystemTests.Otlp;

/// <summary>Encodes an ExportTraceServiceRequest. Field numbers are those of
/// https://github.com/open-telemetry/opentelemetry-proto (trace.proto, common.proto, resource.proto).</summary>
internal static class ExportRequest
{
    /// <summary>One ResourceSpans and one ScopeSpans per run of spans with the same resource and scope.</summary>
    public static byte[] Encode(params IEnumerable<SpanFacts> spans)
    {
        var request = new ProtobufMessage();
        foreach (var group in spans.GroupBy(s => (s.Resource, s.ScopeName, s.ScopeVersion)))
        {
            var scopeSpans =
                new ProtobufMessage().Message(1, new ProtobufMessage().String(1, group.Key.ScopeName).String(2, group.Key.ScopeVersion));
            foreach (var span in group) scopeSpans.Message(2, Span(span));
            request.Message(
                1, new ProtobufMessage().Message(1, AddAttributes(new ProtobufMessage(), 1, group.Key.Resource)).Message(2, scopeSpans));
        }

        return request.ToArray();
    }

    public static ProtobufMessage Span(SpanFacts span)
    {
        var message = new ProtobufMessage().Bytes(1, Convert.FromHexString(span.TraceId)).Bytes(2, Convert.FromHexString(span.SpanId));
        if (span.TraceState.Length > 0) message.String(3, span.TraceState);
        if (span.ParentSpanId.Length > 0) message.Bytes(4, Convert.FromHexString(span.ParentSpanId));
        message.String(5, span.Name).Varint(6, (ulong)span.Kind).Fixed64(7, span.StartUnixNano).Fixed64(8, span.EndUnixNano);
        AddAttributes(message, 9, span.Attributes);
        foreach (var e in span.Events)
            message.Message(11, AddAttributes(new ProtobufMessage().Fixed64(1, e.UnixNano).String(2, e.Name), 3, e.Attributes));
        foreach (var link in span.Links)
            message.Message(13, AddAttributes(
                new ProtobufMessage().Bytes(1, Convert.FromHexString(link.TraceId)).Bytes(2, Convert.FromHexString(link.SpanId)), 4,
                link.Attributes));
        if (span.StatusCode != 0 || span.StatusMessage.Length > 0)
            message.Message(15, new ProtobufMessage().String(2, span.StatusMessage).Varint(3, (ulong)span.StatusCode));
        return message;
    }

    private static ProtobufMessage AddAttributes(ProtobufMessage message, int field, IReadOnlyList<AttributeFacts> attributes)
    {
        foreach (var attribute in attributes)
            message.Message(field, new ProtobufMessage().String(1, attribute.Key).Message(2, Value(attribute.Value)));
        return message;
    }

    /// <summary>Scalars of the notation of <see cref="ValueText"/>; the SDKs send the rest.</summary>
    private static ProtobufMessage Value(string text)
    {
        var (type, rest) = (text[..text.IndexOf(':', StringComparison.Ordinal)], text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        return type switch
        {
            "string" => new ProtobufMessage().String(1, rest),
            "bool" => new ProtobufMessage().Varint(2, rest == "true" ? 1u : 0u),
            "int" => new ProtobufMessage().Varint(3, (ulong)long.Parse(rest, CultureInfo.InvariantCulture)),
            _ => throw new NotSupportedException(text),
        };
    }
}
