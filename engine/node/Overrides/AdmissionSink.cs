using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.Overrides;

/// <summary>The one walk in which a request is judged: the counts of <see cref="OtlpRequestSummary"/> and, if asked for, the traces.</summary>
internal struct AdmissionSink(TraceRuns? runs) : IOtlpTraceSink
{
    private OtlpRequestSummary _summary;

    // A trace is as large as what a query for it gives back: its spans, and the resource and scope around them.
    private int _resourceBytes;
    private int _scopeBytes;

    public readonly OtlpRequestSummary Summary => _summary;

    public bool BeginResource(ReadOnlySpan<byte> message)
    {
        _resourceBytes = message.Length;
        return _summary.BeginResource(message);
    }

    public readonly void EndResource(uint droppedAttributesCount)
    {
    }

    public bool BeginScope(ReadOnlySpan<byte> message)
    {
        _scopeBytes = message.Length;
        return _summary.BeginScope(message);
    }

    public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
    }

    public void BeginSpan() => _summary.BeginSpan();

    public void EndSpan(in SpanFields fields)
    {
        var invalid = _summary.InvalidSpanCount;
        _summary.EndSpan(fields);
        if (runs is not null && invalid == _summary.InvalidSpanCount) runs.Add(TraceId.Read(fields.TraceId), fields.MessageLength, _resourceBytes + _scopeBytes);
    }

    public void BeginEvent() => _summary.BeginEvent();

    public readonly void EndEvent(in EventFields fields)
    {
    }

    public void BeginLink() => _summary.BeginLink();

    public readonly void EndLink(in LinkFields fields)
    {
    }

    public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value) => _summary.Attribute(key, value);
}
