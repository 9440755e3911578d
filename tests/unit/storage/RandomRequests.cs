using Google.Protobuf;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

/// <summary>
/// OTLP requests about a small set of traces with everything in them that a sender may send, sound or not: the same for the
/// same seed. A message is made by the oracle and then spoiled as bytes, because the oracle cannot write text that is not UTF-8.
/// </summary>
internal sealed class RandomRequests
{
    /// <summary>Attribute keys; some of them have columns of their own in <see cref="TestColumns"/>.</summary>
    private static readonly string[] Keys =
        ["", "a", "service.name", "http.method", "http.status_code", "db.statement", "k8s.pod.name", "msg", BadText, new('k', 100)];

    private static readonly string[] Texts =
        ["", "x", "GET", "<b> & \"q\"\\", "Zürich \u2028 日本 🚀", "\u0000\n", BadText, new string('y', 63) + "é", new string('z', 62) + "🚀",
            new('w', 300)];

    // Becomes FF C0 42 80 44 on the wire.
    private const string BadText = "\u0001\u0002BAD";
    private static readonly byte[] BadTextBytes = "\u0001\u0002BAD"u8.ToArray();
    private static readonly byte[] NotUtf8 = [0xFF, 0xC0, 0x42, 0x80, 0x44];

    private readonly Random _random;
    private readonly ByteString[] _traceIds;
    private readonly List<Resource> _resources = [];
    private readonly List<byte[]> _sent = [];

    /// <param name="seed">Of all that is random.</param>
    /// <param name="traceCount">Traces that they are about.</param>
    /// <param name="firstIdByte">With which the ids of all of them begin; null: anything.</param>
    public RandomRequests(int seed, int traceCount, byte? firstIdByte = null)
    {
        _random = new Random(seed);
        _traceIds = [.. Enumerable.Range(0, traceCount)
            .Select(i => firstIdByte is { } first ? ByteString.CopyFrom([first, .. Bytes(15).Span])
                : i == 0 ? Padded(1)
                : i == 1 ? Padded(0x0123_4567_89AB)
                : Bytes(16))];
        for (var i = 0; i < 4; i++) _resources.Add(RandomResource());
    }

    /// <summary>The next request as bytes. Now and then one that was sent before.</summary>
    public byte[] Next()
    {
        if (_sent.Count > 0 && _random.Next(8) == 0) return _sent[_random.Next(_sent.Count)];
        var data = new TracesData();
        Repeat(3, () => data.ResourceSpans.Add(RandomResourceSpans()));
        var bytes = data.ToByteArray();
        for (var at = bytes.AsSpan().IndexOf(BadTextBytes); at >= 0; at = bytes.AsSpan().IndexOf(BadTextBytes)) NotUtf8.CopyTo(bytes, at);
        _sent.Add(bytes);
        return bytes;
    }

    private ResourceSpans RandomResourceSpans()
    {
        var resourceSpans = new ResourceSpans { SchemaUrl = Text() };
        if (!OneIn(6)) resourceSpans.Resource = OneIn(3) ? RandomResource() : _resources[_random.Next(_resources.Count)].Clone();
        Repeat(3, () => resourceSpans.ScopeSpans.Add(RandomScopeSpans()));
        return resourceSpans;
    }

    private Resource RandomResource()
    {
        var resource = new Resource { DroppedAttributesCount = Count() };
        Repeat(4, () => resource.Attributes.Add(Attribute()));
        if (!OneIn(4)) resource.Attributes.Insert(0, new KeyValue { Key = "service.name", Value = new AnyValue { StringValue = Text() } });
        return resource;
    }

    private ScopeSpans RandomScopeSpans()
    {
        var scopeSpans = new ScopeSpans { SchemaUrl = Text() };
        if (!OneIn(4))
        {
            scopeSpans.Scope = new InstrumentationScope
            {
                Name = OneIn(2) ? Text() : "lib",
                Version = OneIn(2) ? Text() : "1",
                DroppedAttributesCount = OneIn(3) ? Count() : 0
            };
            if (OneIn(2)) Repeat(2, () => scopeSpans.Scope.Attributes.Add(Attribute()));
        }

        Repeat(8, () => AddSpan(scopeSpans));
        return scopeSpans;
    }

    private void AddSpan(ScopeSpans target)
    {
        var span = RandomSpan();
        target.Spans.Add(span);
        if (!OneIn(8)) return;
        // The same id and kind again with other content: one that began later, or began at the same time and was shorter.
        var again = RandomSpan();
        (again.TraceId, again.SpanId, again.Kind) = (span.TraceId, span.SpanId, span.Kind);
        again.StartTimeUnixNano = span.StartTimeUnixNano;
        if (span.EndTimeUnixNano > span.StartTimeUnixNano) again.EndTimeUnixNano = span.EndTimeUnixNano - 1;
        else if (span.StartTimeUnixNano < ulong.MaxValue) again.StartTimeUnixNano++;
        else return;
        target.Spans.Add(again);
    }

    private Span RandomSpan()
    {
        var start = Time();
        var span = new Span
        {
            TraceId = OneIn(30) ? Bytes(_random.Next(20)) : OneIn(40) ? Padded(0) : _traceIds[_random.Next(_traceIds.Length)],
            SpanId = OneIn(30) ? Bytes(_random.Next(12)) : OneIn(40) ? ByteString.CopyFrom(new byte[8]) : Bytes(8),
            ParentSpanId =
                OneIn(30) ? Bytes(_random.Next(12)) : OneIn(8) ? ByteString.CopyFrom(new byte[8]) : OneIn(2) ? Bytes(8) : ByteString.Empty,
            TraceState = OneIn(3) ? Text() : "",
            Name = Text(),
            Kind = _random.Next(-1, 8),
            Flags = Count(),
            StartTimeUnixNano = start,
            EndTimeUnixNano = OneIn(5) ? Time() : start + (ulong)_random.Next(1_000_000_000),
            DroppedAttributesCount = Count(),
            DroppedEventsCount = Count(),
            DroppedLinksCount = Count(),
            Status = OneIn(3) ? null : new Status { Message = Text(), Code = _random.Next(-1, 5) },
        };
        Repeat(6, () => span.Attributes.Add(Attribute()));
        Repeat(3, () => span.Events.Add(RandomEvent()));
        Repeat(3, () => span.Links.Add(RandomLink()));
        return span;
    }

    private Event RandomEvent()
    {
        var spanEvent = new Event { TimeUnixNano = Time(), Name = Text(), DroppedAttributesCount = Count() };
        Repeat(4, () => spanEvent.Attributes.Add(Attribute()));
        return spanEvent;
    }

    private Link RandomLink()
    {
        var link = new Link
        {
            TraceId = OneIn(8) ? Bytes(_random.Next(20)) : Bytes(16),
            SpanId = OneIn(8) ? Bytes(_random.Next(12)) : Bytes(8),
            TraceState = Text(),
            DroppedAttributesCount = Count(),
            Flags = Count(),
        };
        Repeat(3, () => link.Attributes.Add(Attribute()));
        return link;
    }

    private KeyValue Attribute(int depth = 0) => new() { Key = Keys[_random.Next(Keys.Length)], Value = OneIn(12) ? null : Value(depth) };

    private AnyValue Value(int depth)
    {
        switch (_random.Next(depth < 3 ? 10 : 6))
        {
            case 0 or 1: return new AnyValue { StringValue = Text() };
            case 2: return new AnyValue { IntValue = _random.NextInt64(long.MinValue, long.MaxValue) >> _random.Next(64) };
            case 3: return new AnyValue { DoubleValue = Double() };
            case 4: return new AnyValue { BoolValue = OneIn(2) };
            case 5: return OneIn(2) ? new AnyValue() : new AnyValue { BytesValue = Bytes(_random.Next(5)) };
            case 6:
                var list = new KeyValueList();
                Repeat(3, () => list.Values.Add(Attribute(depth + 1)));
                return new AnyValue { KvlistValue = list };
            case 7:
                var mixed = new ArrayValue();
                Repeat(4, () => mixed.Values.Add(Value(depth + 1)));
                return new AnyValue { ArrayValue = mixed };
            default:
                return new AnyValue { ArrayValue = ArrayOfOneType(_random.Next(4)) };
        }
    }

    private ArrayValue ArrayOfOneType(int type)
    {
        var array = new ArrayValue();
        Repeat(4, () => array.Values.Add(type switch
        {
            0 => new AnyValue { StringValue = Text() },
            1 => new AnyValue { IntValue = _random.Next() },
            2 => new AnyValue { DoubleValue = Double() },
            _ => new AnyValue { BoolValue = OneIn(2) },
        }));
        return array;
    }

    private double Double() => _random.Next(6) switch
    {
        0 => double.NaN,
        1 => double.NegativeInfinity,
        2 => -0.0,
        3 => double.Epsilon,
        _ => _random.NextDouble() * 1e9,
    };

    private ulong Time() => _random.Next(20) switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        2 => 1,
        _ => 1_790_000_000_000_000_000 + (ulong)_random.NextInt64(3_600_000_000_000),
    };

    private void Repeat(int limit, Action add)
    {
        for (var left = _random.Next(limit); left > 0; left--) add();
    }

    private bool OneIn(int n) => _random.Next(n) == 0;

    private string Text() => Texts[_random.Next(Texts.Length)];

    private uint Count() => OneIn(2) ? 0 : (uint)_random.NextInt64(uint.MaxValue + 1L) >> _random.Next(32);

    private ByteString Bytes(int size)
    {
        var bytes = new byte[size];
        _random.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }

    private static ByteString Padded(ulong low)
    {
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), low);
        return ByteString.CopyFrom(bytes);
    }
}
