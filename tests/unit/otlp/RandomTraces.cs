using Google.Protobuf;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Otlp.Tests;

/// <summary>Traces with everything in them that the messages allow, the same for the same seed.</summary>
internal sealed class RandomTraces(int seed)
{
    private static readonly string[] _texts =
        ["", "a", "GET /cart", "<b> & \"q\"\\", "Zürich \u2028 日本 🚀", "\u0001\n\t", new('x', 127), new('y', 300)];
    private readonly Random _random = new(seed);

    public TracesData Next() => Fill(new TracesData(), data => data.ResourceSpans.Add(ResourceSpans()), 3);

    public AnyValue Value(int depth = 0)
    {
        var value = new AnyValue();
        switch (_random.Next(depth < 4 ? 9 : 6))
        {
            case 0: break;
            case 1: value.StringValue = Text(); break;
            case 2: value.BoolValue = Flip(); break;
            case 3: value.IntValue = _random.NextInt64(long.MinValue, long.MaxValue) >> _random.Next(64); break;
            case 4: value.DoubleValue = BitConverter.Int64BitsToDouble(_random.NextInt64()); break;
            case 5: value.BytesValue = Bytes(_random.Next(5)); break;
            case 6 or 7: value.ArrayValue = Fill(new ArrayValue(), array => array.Values.Add(Value(depth + 1)), 4); break;
            default: value.KvlistValue = Fill(new KeyValueList(), list => list.Values.Add(Attribute(depth + 1)), 4); break;
        }

        return value;
    }

    private ResourceSpans ResourceSpans()
    {
        var resourceSpans = Fill(new ResourceSpans { SchemaUrl = Text() }, parent => parent.ScopeSpans.Add(ScopeSpans()), 3);
        if (!Flip()) return resourceSpans;
        resourceSpans.Resource =
            Fill(new Resource { DroppedAttributesCount = Count() }, resource => resource.Attributes.Add(Attribute()), 4);
        return resourceSpans;
    }

    private ScopeSpans ScopeSpans()
    {
        var scopeSpans = Fill(new ScopeSpans { SchemaUrl = Text() }, parent => parent.Spans.Add(Span()), 4);
        if (!Flip()) return scopeSpans;
        scopeSpans.Scope = new InstrumentationScope { Name = Text(), Version = Text(), DroppedAttributesCount = Count() };
        Fill(scopeSpans.Scope, scope => scope.Attributes.Add(Attribute()), 2);
        return scopeSpans;
    }

    private Span Span()
    {
        var span = new Span
        {
            TraceId = Bytes(16),
            SpanId = Bytes(8),
            ParentSpanId = Flip() ? Bytes(8) : ByteString.Empty,
            TraceState = Text(),
            Name = Text(),
            Kind = _random.Next(-1, 8),
            Flags = Count(),
            StartTimeUnixNano = (ulong)_random.NextInt64(),
            EndTimeUnixNano = (ulong)_random.NextInt64(),
            DroppedAttributesCount = Count(),
            DroppedEventsCount = Count(),
            DroppedLinksCount = Count(),
            Status = Flip() ? new Status { Message = Text(), Code = _random.Next(4) } : null,
        };
        Fill(span, parent => parent.Attributes.Add(Attribute()), 5);
        Fill(span, parent => parent.Events.Add(Event()), 3);
        return Fill(span, parent => parent.Links.Add(Link()), 3);
    }

    private Event Event() => Fill(
        new Event { TimeUnixNano = (ulong)_random.NextInt64(), Name = Text(), DroppedAttributesCount = Count() },
        spanEvent => spanEvent.Attributes.Add(Attribute()),
        3);

    private Link Link() => Fill(
        new Link { TraceId = Bytes(16), SpanId = Bytes(8), TraceState = Text(), DroppedAttributesCount = Count(), Flags = Count() },
        link => link.Attributes.Add(Attribute()),
        3);

    private KeyValue Attribute(int depth = 0) => new() { Key = Text(), Value = _random.Next(8) == 0 ? null : Value(depth) };

    private T Fill<T>(T parent, Action<T> add, int limit)
    {
        for (var left = _random.Next(limit); left > 0; left--) add(parent);
        return parent;
    }

    private bool Flip() => _random.Next(2) == 0;

    private string Text() => _texts[_random.Next(_texts.Length)];

    private uint Count() => Flip() ? 0 : (uint)_random.NextInt64(uint.MaxValue + 1L) >> _random.Next(32);

    private ByteString Bytes(int size)
    {
        var bytes = new byte[size];
        _random.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }
}
