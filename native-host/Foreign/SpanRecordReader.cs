using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Values;

namespace Tempo.Host.Foreign;

/// <summary>OTLP bytes of a trace → <see cref="SpanRecord"/>s.</summary>
internal struct SpanRecordReader : IOtlpTraceSink
{
    private readonly List<SpanRecord> _spans = [];
    private ResourceRecord _resource = new();
    private ScopeRecord _scope = new();
    private SpanRecord? _span;
    private List<AttributeRecord> _attributes = [];

    public SpanRecordReader()
    {
    }

    /// <summary>
    /// The spans of a part of a trace, in its order. Throws <see cref="InvalidDataException"/> for what is no OTLP; this process
    /// wrote it, so that is a defect of ours.
    /// </summary>
    public static List<SpanRecord> Read(ReadOnlySpan<byte> tracesData)
    {
        var sink = new SpanRecordReader();
        if (!OtlpTraceReader.TryRead(tracesData, ref sink, out var error))
            throw new InvalidDataException($"the trace cannot be read back: {error.Message}");
        return sink._spans;
    }

    public bool BeginResource(ReadOnlySpan<byte> message)
    {
        _resource = new ResourceRecord();
        _attributes = _resource.Attributes;
        return true;
    }

    public void EndResource(uint droppedAttributesCount)
    {
        foreach (var attribute in _resource.Attributes)
            if (attribute is { Key: "service.name", Value: string name })
                _resource.ServiceName = name;
    }

    public bool BeginScope(ReadOnlySpan<byte> message)
    {
        _scope = new ScopeRecord();
        _attributes = _scope.Attributes;
        return true;
    }

    public void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
        _scope.Name = Text(name);
        _scope.Version = Text(version);
    }

    public void BeginSpan()
    {
        _span = new SpanRecord { Resource = _resource, Scope = _scope };
        _spans.Add(_span);
        _attributes = _span.Attributes;
    }

    public void EndSpan(in SpanFields fields)
    {
        var span = _span!;
        span.TraceId = IdOf(fields.TraceId);
        span.SpanId = NumberOf(fields.SpanId);
        span.ParentSpanId = NumberOf(fields.ParentSpanId);
        span.TraceState = Text(fields.TraceState);
        span.Name = Text(fields.Name);
        span.Kind = fields.Kind;
        span.StartUnixNano = fields.StartTimeUnixNano;
        span.EndUnixNano = fields.EndTimeUnixNano;
        span.StatusCode = fields.StatusCode;
        span.StatusMessage = Text(fields.StatusMessage);
        span.Flags = fields.Flags;
    }

    public void BeginEvent()
    {
        var record = new EventRecord();
        _span!.Events.Add(record);
        _attributes = record.Attributes;
    }

    public void EndEvent(in EventFields fields)
    {
        var record = _span!.Events[^1];
        record.UnixNano = fields.TimeUnixNano;
        record.Name = Text(fields.Name);
        _attributes = _span.Attributes;
    }

    public void BeginLink()
    {
        var record = new LinkRecord();
        _span!.Links.Add(record);
        _attributes = record.Attributes;
    }

    public void EndLink(in LinkFields fields)
    {
        var record = _span!.Links[^1];
        record.TraceId = IdOf(fields.TraceId);
        record.SpanId = NumberOf(fields.SpanId);
        record.TraceState = Text(fields.TraceState);
        _attributes = _span.Attributes;
    }

    public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value) => _attributes.Add(new AttributeRecord(Text(key), ValueOf(value)));

    // The depth of a value was limited when it came in; what is too deep has a kind of its own.
    private static object? ValueOf(in AnyValueView value)
    {
        switch (value.Kind)
        {
            case AnyValueKind.String: return Text(value.Bytes);
            case AnyValueKind.Bool: return value.Bits != 0;
            case AnyValueKind.Int: return value.Bits;
            case AnyValueKind.Double: return BitConverter.Int64BitsToDouble(value.Bits);
            case AnyValueKind.Bytes: return value.Bytes.ToArray();
            case AnyValueKind.TooDeep: return "<too deep>";
            case AnyValueKind.Array:
                var items = new List<object?>();
                var array = new ArrayValueReader(value.Bytes);
                while (array.TryReadNext(out var item)) items.Add(ValueOf(item));
                return items;
            case AnyValueKind.KeyValueList:
                var members = new List<AttributeRecord>();
                var list = new KeyValueListReader(value.Bytes);
                while (list.TryReadNext(out var key, out var member)) members.Add(new AttributeRecord(Text(key), ValueOf(member)));
                return members;
            default: return null;
        }
    }

    private static TraceId IdOf(ReadOnlySpan<byte> bytes) => bytes.Length == TraceId.SizeBytes ? TraceId.Read(bytes) : default;

    private static ulong NumberOf(ReadOnlySpan<byte> bytes) =>
        bytes.Length == SpanId.SizeBytes ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : 0;

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
