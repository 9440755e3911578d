using Tempo.Engine.Foundation;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Oracle;

/// <summary>
/// Random traces with few distinct names, keys and values, so that queries find something; with orphans, several roots, odd types.
/// </summary>
public sealed class RandomSpans(Random random, ulong timeUnitNano = 1)
{
    private static readonly string[] Texts = ["x", "y", "z", "", "xy", "1", "front", "back"];
    private static readonly string[] Keys = ["a", "b", "c", "list", "dedicated", "count"];
    private ulong _nextId = 1;

    public List<TestSpan> Next()
    {
        var spans = new List<TestSpan>();
        var resources = Enumerable.Range(0, 3).Select(_ => Resource()).ToArray();
        for (var trace = random.Next(1, 12); trace > 0; trace--)
            AddTrace(spans, new TraceId((ulong)random.Next(2), (ulong)trace), resources);
        return spans;
    }

    private void AddTrace(List<TestSpan> spans, TraceId id, TestResource[] resources)
    {
        var first = spans.Count;
        // Traces of one time now and then: ties are broken by the id.
        var start = 1_700_000_000_000_000_000UL + (ulong)random.Next(0, 5) * 1000 * timeUnitNano;
        for (var count = random.Next(1, 9); count > 0; count--)
        {
            var parent = random.Next(10) switch
            {
                0 => 0UL,
                1 => 999_999UL,
                _ => spans.Count == first ? 0UL : spans[random.Next(first, spans.Count)].Id
            };
            spans.Add(new TestSpan
            {
                TraceId = id,
                Id = _nextId++,
                ParentId = parent,
                Name = Text(),
                StartUnixNano = spans.Count == first ? start : start + (ulong)random.Next(0, 20) * timeUnitNano,
                DurationNano = (ulong)random.Next(0, 5),
                Kind = random.Next(6),
                Status = random.Next(3),
                StatusMessage = random.Next(3) == 0 ? Text() : "",
                Resource = resources[random.Next(resources.Length)],
                Scope = random.Next(2) == 0
                    ? new TestScope("lib", random.Next(2) == 0 ? "1" : "", Attributes(1))
                    : new TestScope("", "", []),
                Attributes = Attributes(4),
                Events = [.. Enumerable.Range(0, random.Next(4) == 0 ? random.Next(1, 4) : 0)
                    .Select(_ => new TestEvent(Text(), (ulong)random.Next(3), Attributes(2)))],
                Links = [.. Enumerable.Range(0, random.Next(5) == 0 ? random.Next(1, 3) : 0)
                    .Select(_ => new TestLink(new TraceId(0, 1), (ulong)random.Next(1, 4), Attributes(1)))],
            });
        }
    }

    private TestResource Resource()
    {
        var attributes = Attributes(3);
        if (random.Next(4) != 0) attributes.Add("service.name", random.Next(2) == 0 ? "front" : "back");
        if (random.Next(2) == 0) attributes.Add("zone", Text());
        return new TestResource(attributes);
    }

    // Each key once: which of two values counts is not defined.
    private Attributes Attributes(int most)
    {
        var attributes = new Attributes();
        foreach (var key in random.GetItems(Keys, random.Next(0, most + 1)).Distinct()) attributes.Add(key, Value());
        return attributes;
    }

    private object Value() => random.Next(9) switch
    {
        0 => (long)random.Next(-1, 3),
        1 => (long)random.Next(0, 3),
        2 => random.Next(-1, 4) / 2.0,
        3 => random.Next(2) == 0,
        4 => Array(() => (long)random.Next(0, 3)),
        5 => Array(() => Text()),
        6 => Array(() => random.Next(2) == 0),
        _ => Text(),
    };

    private object[] Array(Func<object> item) => [.. Enumerable.Range(0, random.Next(0, 4)).Select(_ => item())];

    private string Text() => Texts[random.Next(Texts.Length)];
}
