using System.Text;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Values;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Otlp.Tests;

/// <summary>
/// Builds the oracle's messages again from what the reader pushes, and holds the reader to the order it guarantees. What a
/// sink is not told (schema URLs, whether an empty resource, scope or value was there at all) is taken out of the oracle's
/// side by <see cref="Normalize"/>.
/// </summary>
internal struct RebuildingSink() : IOtlpTraceSink
{
    private enum Place
    {
        Outside, InResource, BehindResource, InScope, BehindScope, InSpan, InEvent, InLink,
    }

    private Place _place;
    private Resource? _resource;
    private Span? _span;
    private Event? _event;
    private Link? _link;

    public TracesData Data { get; } = new();

    public bool BeginResource(ReadOnlySpan<byte> message)
    {
        Move(Place.InResource, Place.Outside, Place.BehindResource, Place.BehindScope);
        _resource = new Resource();
        Data.ResourceSpans.Add(new ResourceSpans { Resource = _resource });
        return true;
    }

    public void EndResource(uint droppedAttributesCount)
    {
        Move(Place.BehindResource, Place.InResource);
        _resource!.DroppedAttributesCount = droppedAttributesCount;
    }

    public bool BeginScope(ReadOnlySpan<byte> message)
    {
        Move(Place.InScope, Place.BehindResource, Place.BehindScope);
        Data.ResourceSpans[^1].ScopeSpans.Add(new ScopeSpans { Scope = new InstrumentationScope() });
        return true;
    }

    public void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
        Move(Place.BehindScope, Place.InScope);
        var scope = Data.ResourceSpans[^1].ScopeSpans[^1].Scope;
        scope.Name = Text(name);
        scope.Version = Text(version);
        scope.DroppedAttributesCount = droppedAttributesCount;
    }

    public void BeginSpan()
    {
        Move(Place.InSpan, Place.BehindScope);
        _span = new Span();
        Data.ResourceSpans[^1].ScopeSpans[^1].Spans.Add(_span);
    }

    public void EndSpan(in SpanFields fields)
    {
        Move(Place.BehindScope, Place.InSpan);
        _span!.TraceId = ByteString.CopyFrom(fields.TraceId);
        _span.SpanId = ByteString.CopyFrom(fields.SpanId);
        _span.ParentSpanId = ByteString.CopyFrom(fields.ParentSpanId);
        _span.TraceState = Text(fields.TraceState);
        _span.Name = Text(fields.Name);
        _span.Kind = fields.Kind;
        _span.Flags = fields.Flags;
        _span.StartTimeUnixNano = fields.StartTimeUnixNano;
        _span.EndTimeUnixNano = fields.EndTimeUnixNano;
        _span.DroppedAttributesCount = fields.DroppedAttributesCount;
        _span.DroppedEventsCount = fields.DroppedEventsCount;
        _span.DroppedLinksCount = fields.DroppedLinksCount;
        if (fields.HasStatus) _span.Status = new Status { Message = Text(fields.StatusMessage), Code = fields.StatusCode };
    }

    public void BeginEvent()
    {
        Move(Place.InEvent, Place.InSpan);
        _event = new Event();
        _span!.Events.Add(_event);
    }

    public void EndEvent(in EventFields fields)
    {
        Move(Place.InSpan, Place.InEvent);
        _event!.TimeUnixNano = fields.TimeUnixNano;
        _event.Name = Text(fields.Name);
        _event.DroppedAttributesCount = fields.DroppedAttributesCount;
    }

    public void BeginLink()
    {
        Move(Place.InLink, Place.InSpan);
        _link = new Link();
        _span!.Links.Add(_link);
    }

    public void EndLink(in LinkFields fields)
    {
        Move(Place.InSpan, Place.InLink);
        _link!.TraceId = ByteString.CopyFrom(fields.TraceId);
        _link.SpanId = ByteString.CopyFrom(fields.SpanId);
        _link.TraceState = Text(fields.TraceState);
        _link.DroppedAttributesCount = fields.DroppedAttributesCount;
        _link.Flags = fields.Flags;
    }

    public readonly void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        var target = _place switch
        {
            Place.InResource => _resource!.Attributes,
            Place.InScope => Data.ResourceSpans[^1].ScopeSpans[^1].Scope.Attributes,
            Place.InSpan => _span!.Attributes,
            Place.InEvent => _event!.Attributes,
            Place.InLink => _link!.Attributes,
            _ => throw new InvalidOperationException($"attribute at {_place}"),
        };
        target.Add(new KeyValue { Key = Text(key), Value = Rebuild(value) });
    }

    public static AnyValue Rebuild(in AnyValueView view)
    {
        var value = new AnyValue();
        switch (view.Kind)
        {
            case AnyValueKind.String: value.StringValue = Text(view.Bytes); break;
            case AnyValueKind.Bool: value.BoolValue = view.Bits == 1; break;
            case AnyValueKind.Int: value.IntValue = view.Bits; break;
            case AnyValueKind.Double: value.DoubleValue = BitConverter.Int64BitsToDouble(view.Bits); break;
            case AnyValueKind.Bytes: value.BytesValue = ByteString.CopyFrom(view.Bytes); break;
            case AnyValueKind.Array:
                value.ArrayValue = new ArrayValue();
                var elements = new ArrayValueReader(view.Bytes);
                while (elements.TryReadNext(out var element)) value.ArrayValue.Values.Add(Rebuild(element));
                break;
            case AnyValueKind.KeyValueList:
                value.KvlistValue = new KeyValueList();
                var members = new KeyValueListReader(view.Bytes);
                while (members.TryReadNext(out var key, out var member))
                    value.KvlistValue.Values.Add(new KeyValue { Key = Text(key), Value = Rebuild(member) });
                break;
            case AnyValueKind.TooDeep: value.StringValue = "<too deep>"; break;
            default: break;
        }

        return value;
    }

    public static TracesData Normalize(TracesData data)
    {
        var normal = data.Clone();
        foreach (var resourceSpans in normal.ResourceSpans)
        {
            resourceSpans.SchemaUrl = "";
            resourceSpans.Resource ??= new Resource();
            Normalize(resourceSpans.Resource.Attributes);
            foreach (var scopeSpans in resourceSpans.ScopeSpans)
            {
                scopeSpans.SchemaUrl = "";
                scopeSpans.Scope ??= new InstrumentationScope();
                Normalize(scopeSpans.Scope.Attributes);
                foreach (var span in scopeSpans.Spans)
                {
                    Normalize(span.Attributes);
                    foreach (var spanEvent in span.Events) Normalize(spanEvent.Attributes);
                    foreach (var link in span.Links) Normalize(link.Attributes);
                }
            }
        }

        return normal;
    }

    private static void Normalize(RepeatedField<KeyValue> attributes)
    {
        foreach (var attribute in attributes) Normalize(attribute.Value ??= new AnyValue());
    }

    private static void Normalize(AnyValue value)
    {
        if (value.KvlistValue is { } list) Normalize(list.Values);
        if (value.ArrayValue is not { } array) return;
        foreach (var element in array.Values) Normalize(element);
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);

    private void Move(Place to, params ReadOnlySpan<Place> from)
    {
        if (!from.Contains(_place)) throw new InvalidOperationException($"{_place} to {to}");
        _place = to;
    }
}
