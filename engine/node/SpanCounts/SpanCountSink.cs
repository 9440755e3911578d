using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.SpanCounts;

/// <summary>Finds the name and the service of each span of a request that is to be counted.</summary>
internal struct SpanCountSink(SpanCounter counter, TenantId tenant, bool onlyRoots) : IOtlpTraceSink
{
    private string? _service;
    private bool _isInResource;

    public bool BeginResource(ReadOnlySpan<byte> resource)
    {
        (_service, _isInResource) = (null, true);
        return true;
    }

    public void EndResource(uint droppedAttributesCount) => _isInResource = false;

    public readonly bool BeginScope(ReadOnlySpan<byte> scope) => false;

    public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
    }

    public readonly void BeginSpan()
    {
    }

    public readonly void EndSpan(in SpanFields fields)
    {
        // A parent of zeros is none, as where it is stored.
        if (onlyRoots && fields.ParentSpanId.ContainsAnyExcept((byte)0)) return;
        counter.Add(tenant, Text(fields.Name), _service ?? "");
    }

    public readonly void BeginEvent()
    {
    }

    public readonly void EndEvent(in EventFields fields)
    {
    }

    public readonly void BeginLink()
    {
    }

    public readonly void EndLink(in LinkFields fields)
    {
    }

    // One that is there several times is the first; one that is no text, as Tempo reads it, is empty.
    public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        if (_isInResource && key.SequenceEqual("service.name"u8)) _service ??= value.Kind == AnyValueKind.String ? Text(value.Bytes) : "";
    }

    private static string Text(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(LabelTuple.Cut(text, SpanCounter.MaxLabelBytes));
}
