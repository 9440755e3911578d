using System.Globalization;
using Tempo.SystemTests.Facts;

namespace Tempo.SystemTests.Otlp;

/// <summary>Small spans with ids that no other test of the run has.</summary>
internal static class Spans
{
    private static readonly long RunId = DateTime.UtcNow.Ticks;
    private static long _last;

    /// <summary>A 16-byte id in hex that does not begin with zeros.</summary>
    public static string NewTraceId() => string.Create(CultureInfo.InvariantCulture, $"f{RunId:x15}{Interlocked.Increment(ref _last):x16}");

    /// <summary>Spans of one new trace, the first the root and parent of the others, that lasted 1 ms each just now.</summary>
    public static SpanFacts[] NewTrace(int count = 1, string name = "span")
    {
        var traceId = NewTraceId();
        var start = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000 - 1_000_000_000;
        IReadOnlyList<AttributeFacts> resource = [new("service.name", "string:system-test")];
        return [.. Enumerable.Range(0, count).Select(index => new SpanFacts
        {
            TraceId = traceId,
            SpanId = SpanId(index),
            ParentSpanId = index == 0 ? "" : SpanId(0),
            Name = name,
            Kind = 2,
            StartUnixNano = start + (ulong)index * 1000,
            EndUnixNano = start + (ulong)index * 1000 + 1_000_000,
            Attributes = [new("span.seq", $"int:{index}")],
            ScopeName = "system",
            ScopeVersion = "1",
            Resource = resource,
        })];
    }

    private static string SpanId(int index) => string.Create(CultureInfo.InvariantCulture, $"a{index + 1:x15}");
}
