using System.Globalization;
using System.Text;

namespace Tempo.SystemTests.Facts;

/// <summary>A span with its scope and resource, as whoever sent or returned it says it is. Ids are lower-case hex,
/// enums are OTLP's numbers, attribute values are in the notation of <see cref="ValueText"/>.</summary>
public sealed record SpanFacts
{
    public required string TraceId { get; init; }

    public required string SpanId { get; init; }

    public string ParentSpanId { get; init; } = "";

    public string TraceState { get; init; } = "";

    public string Name { get; init; } = "";

    public int Kind { get; init; }

    public ulong StartUnixNano { get; init; }

    public ulong EndUnixNano { get; init; }

    public IReadOnlyList<AttributeFacts> Attributes { get; init; } = [];

    public IReadOnlyList<EventFacts> Events { get; init; } = [];

    public IReadOnlyList<LinkFacts> Links { get; init; } = [];

    public int StatusCode { get; init; }

    public string StatusMessage { get; init; } = "";

    public string ScopeName { get; init; } = "";

    public string ScopeVersion { get; init; } = "";

    public IReadOnlyList<AttributeFacts> Resource { get; init; } = [];

    /// <summary>Fails with the first fact that differs. The order of spans and of attributes does not matter.</summary>
    public static void AssertSame(IEnumerable<SpanFacts> expected, IEnumerable<SpanFacts> actual)
    {
        var (expectedText, actualText) = (Describe(expected), Describe(actual));
        if (expectedText == actualText) return;
        var (expectedFacts, actualFacts) = (expectedText.Split('\n'), actualText.Split('\n'));
        var same = expectedFacts.Zip(actualFacts).TakeWhile(pair => pair.First == pair.Second).Count();
        var span = expectedFacts.Take(same + 1).LastOrDefault(fact => fact.StartsWith("span ", StringComparison.Ordinal));
        Assert.Fail($"in {span}\nexpected: {expectedFacts.ElementAtOrDefault(same)}\nactual:   {actualFacts.ElementAtOrDefault(same)}");
    }

    /// <summary>Spans as text that is equal exactly if the spans are: one line a fact, in a fixed order.</summary>
    private static string Describe(IEnumerable<SpanFacts> spans)
    {
        var text = new StringBuilder();
        foreach (var span in spans.OrderBy(s => s.TraceId, StringComparer.Ordinal).ThenBy(s => s.SpanId, StringComparer.Ordinal)
            .ThenBy(s => s.Kind))
            span.Describe(text);
        return text.ToString();
    }

    private void Describe(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"span {TraceId}/{SpanId} parent '{ParentSpanId}' state '{TraceState}'\n");
        text.Append(CultureInfo.InvariantCulture, $"  name '{Name}' kind {Kind} status {StatusCode} '{StatusMessage}'\n");
        text.Append(CultureInfo.InvariantCulture, $"  from {StartUnixNano} to {EndUnixNano}\n");
        text.Append(CultureInfo.InvariantCulture, $"  scope '{ScopeName}' '{ScopeVersion}'\n");
        Describe(text, "  resource", Resource);
        Describe(text, "  attribute", Attributes);
        foreach (var happening in Events.OrderBy(e => e.UnixNano).ThenBy(e => e.Name, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"  event '{happening.Name}' at {happening.UnixNano}\n");
            Describe(text, "    attribute", happening.Attributes);
        }

        foreach (var link in Links.OrderBy(l => l.TraceId, StringComparer.Ordinal).ThenBy(l => l.SpanId, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"  link {link.TraceId}/{link.SpanId}\n");
            Describe(text, "    attribute", link.Attributes);
        }
    }

    private static void Describe(StringBuilder text, string what, IReadOnlyList<AttributeFacts> attributes)
    {
        foreach (var attribute in attributes.OrderBy(a => a.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"{what} {attribute.Key} = {attribute.Value}\n");
    }
}

/// <param name="Value">In the notation of <see cref="ValueText"/>.</param>
public sealed record AttributeFacts(string Key, string Value);

public sealed record EventFacts(string Name, ulong UnixNano, IReadOnlyList<AttributeFacts> Attributes);

public sealed record LinkFacts(string TraceId, string SpanId, IReadOnlyList<AttributeFacts> Attributes);
