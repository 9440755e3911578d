using Tempo.Engine.Foundation;

namespace Tempo.Host.Foreign;

/// <summary>
/// A span as an object, for the answers in other formats: they turn what OpenTelemetry keeps inside out, and are asked for
/// one trace at a time. Nothing that is done for every span of a scan goes through here.
/// </summary>
internal sealed class SpanRecord
{
    public TraceId TraceId { get; set; }
    public ulong SpanId { get; set; }

    /// <summary>0: none.</summary>
    public ulong ParentSpanId { get; set; }
    public string TraceState { get; set; } = "";
    public string Name { get; set; } = "";

    /// <summary>OTLP numbers, 0 to 5: see <see cref="SpanKind"/>.</summary>
    public int Kind { get; set; }
    public ulong StartUnixNano { get; set; }
    public ulong EndUnixNano { get; set; }

    /// <summary>OTLP numbers: 0 unset, 1 ok, 2 error.</summary>
    public int StatusCode { get; set; }
    public string StatusMessage { get; set; } = "";
    public uint Flags { get; set; }
    public List<AttributeRecord> Attributes { get; } = [];
    public List<EventRecord> Events { get; } = [];
    public List<LinkRecord> Links { get; } = [];

    /// <summary>The same object for all spans of one ResourceSpans; the scope likewise.</summary>
    public required ResourceRecord Resource { get; init; }
    public required ScopeRecord Scope { get; init; }

    /// <summary>0 where the end is before the start.</summary>
    public ulong DurationNano => EndUnixNano > StartUnixNano ? EndUnixNano - StartUnixNano : 0;

    /// <summary>The value of an attribute, null if there is none of that key.</summary>
    public object? Find(string key)
    {
        foreach (var attribute in Attributes)
            if (attribute.Key == key)
                return attribute.Value;
        return null;
    }
}

/// <summary>Kinds of spans that are half of a call, in OTLP's numbers.</summary>
internal static class SpanKind
{
    public const int Server = 2;
    public const int Client = 3;
    public const int Producer = 4;
    public const int Consumer = 5;
}

/// <summary>
/// A key and its value: string, bool, long, double, byte[], List&lt;object?> or List&lt;AttributeRecord>; null for an empty one.
/// </summary>
internal readonly record struct AttributeRecord(string Key, object? Value);

/// <summary>What sent the spans.</summary>
internal sealed class ResourceRecord
{
    public List<AttributeRecord> Attributes { get; } = [];

    /// <summary>Of service.name, where it is text; else empty.</summary>
    public string ServiceName { get; set; } = "";
}

/// <summary>The instrumentation scope of spans.</summary>
internal sealed class ScopeRecord
{
    public string Name { get; set; } = "";
    public string Version { get; set; } = "";
    public List<AttributeRecord> Attributes { get; } = [];
}

/// <summary>Something that happened during a span.</summary>
internal sealed class EventRecord
{
    public ulong UnixNano { get; set; }
    public string Name { get; set; } = "";
    public List<AttributeRecord> Attributes { get; } = [];
}

/// <summary>A span that this one refers to.</summary>
internal sealed class LinkRecord
{
    public TraceId TraceId { get; set; }
    public ulong SpanId { get; set; }
    public string TraceState { get; set; } = "";
    public List<AttributeRecord> Attributes { get; } = [];
}
