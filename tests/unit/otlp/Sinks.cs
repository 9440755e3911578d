using Tempo.Engine.Otlp;

namespace Tempo.Otlp.Tests;

/// <summary>Notes where the spans lie.</summary>
internal struct SpanPlaces() : IOtlpTraceSink
{
    public List<Range> Ranges { get; } = [];

    public readonly bool BeginResource(ReadOnlySpan<byte> message) => false;
    public readonly void EndResource(uint droppedAttributesCount) { }
    public readonly bool BeginScope(ReadOnlySpan<byte> message) => false;
    public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount) { }
    public readonly void BeginSpan() { }
    public readonly void EndSpan(in SpanFields fields) => Ranges.Add(fields.MessageOffset..(fields.MessageOffset + fields.MessageLength));
    public readonly void BeginEvent() { }
    public readonly void EndEvent(in EventFields fields) { }
    public readonly void BeginLink() { }
    public readonly void EndLink(in LinkFields fields) { }
    public readonly void Attribute(ReadOnlySpan<byte> key, in AnyValueView value) { }
}

/// <summary>Wants no attributes of resources and scopes. A ref struct, which the reader takes as well.</summary>
internal ref struct DecliningSink : IOtlpTraceSink
{
    public uint DroppedAttributesCount { get; private set; }
    public int AttributeCount { get; private set; }

    public readonly bool BeginResource(ReadOnlySpan<byte> message) => false;
    public void EndResource(uint droppedAttributesCount) => DroppedAttributesCount = droppedAttributesCount;
    public readonly bool BeginScope(ReadOnlySpan<byte> message) => false;
    public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount) { }
    public readonly void BeginSpan() { }
    public readonly void EndSpan(in SpanFields fields) { }
    public readonly void BeginEvent() { }
    public readonly void EndEvent(in EventFields fields) { }
    public readonly void BeginLink() { }
    public readonly void EndLink(in LinkFields fields) { }
    public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value) => AttributeCount++;
}
