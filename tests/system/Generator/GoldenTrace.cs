using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;

namespace Tempo.SystemTests.Generator;

/// <summary>The trace of the operations specification, §6.2: frontend → backend (which fails) → database.</summary>
internal static class GoldenTrace
{
    public static SpanFacts[] Make()
    {
        var trace = Spans.NewTraceId();
        var end = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        SpanFacts Span(
            int id, int parent, string service, string name, int kind, int milliseconds, int status = 0,
            params AttributeFacts[] attributes) => new()
            {
                TraceId = trace,
                SpanId = $"b{id:x15}",
                ParentSpanId = parent == 0 ? "" : $"b{parent:x15}",
                Name = name,
                Kind = kind,
                StatusCode = status,
                StartUnixNano = end - (ulong)milliseconds * 1_000_000,
                EndUnixNano = end,
                Attributes = attributes,
                Resource = [new("service.name", $"string:{service}"), new("host.id", "string:h1")],
            };
        return
        [
            Span(1, 0, "frontend", "GET /", 2, 557),
            Span(2, 1, "frontend", "call", 3, 300),
            Span(3, 2, "backend", "handle", 2, 200, 2),
            Span(4, 3, "backend", "query", 3, 100, 0, new AttributeFacts("db.system", "string:postgres"),
                new AttributeFacts("db.name", "string:orders")),
        ];
    }
}
