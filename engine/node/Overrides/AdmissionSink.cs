using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Node.Overrides;

/// <summary>
/// The one walk in which a request is judged: the counts of <see cref="OtlpRequestSummary"/> and, if asked for, the traces.
/// </summary>
/// <param name="runs">Gets the traces, with their sizes as they will be kept; null: nobody asks.</param>
/// <param name="maxAttributeBytes">To which keys and texts of attributes are cut.</param>
/// <param name="times">Judges the times of spans.</param>
internal struct AdmissionSink(TraceRuns? runs, int maxAttributeBytes, SpanTimes times) : IOtlpTraceSink
{
    /// <summary>What a link without sound ids gets as zeros: both, with tag and length.</summary>
    private const int LinkIdBytes = 2 + TraceId.SizeBytes + 2 + SpanId.SizeBytes;

    /// <summary>What an attribute without key or value gets: an empty one, tag and length of both.</summary>
    private const int EmptyAttributeBytes = 4;

    private OtlpRequestSummary _summary;
    private SpanTimes _times = times;

    // A trace is as large as what a query for it gives back: its spans, and the resource and scope around them.
    private int _resourceBytes;
    private int _scopeBytes;
    private int _newResourceBytes;
    private int _newScopeBytes;

    // Of the resource, scope or span that is being read: what is kept of it more (or, cut, less) than came.
    private int _grownBytes;

    public readonly OtlpRequestSummary Summary => _summary;

    public readonly SpanTimes Times => _times;

    public bool BeginResource(ReadOnlySpan<byte> message)
    {
        _resourceBytes = message.Length;
        _grownBytes = 0;
        return _summary.BeginResource(message);
    }

    public void EndResource(uint droppedAttributesCount)
    {
        _resourceBytes += _grownBytes;
        _newResourceBytes = _resourceBytes;
    }

    public bool BeginScope(ReadOnlySpan<byte> message)
    {
        _scopeBytes = message.Length;
        _grownBytes = 0;
        return _summary.BeginScope(message);
    }

    public void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
        _scopeBytes += _grownBytes;
        _newScopeBytes = _scopeBytes;
    }

    public void BeginSpan()
    {
        _grownBytes = 0;
        _summary.BeginSpan();
    }

    public void EndSpan(in SpanFields fields)
    {
        var invalid = _summary.InvalidSpanCount;
        _summary.EndSpan(fields);
        if (invalid != _summary.InvalidSpanCount) return;
        _times.Add(fields.StartTimeUnixNano, fields.EndTimeUnixNano);
        if (runs is null) return;
        runs.Add(TraceId.Read(fields.TraceId), fields.MessageLength + _grownBytes, _resourceBytes + _scopeBytes,
            _newResourceBytes + _newScopeBytes);
        (_newResourceBytes, _newScopeBytes) = (0, 0);
    }

    public void BeginEvent() => _summary.BeginEvent();

    public readonly void EndEvent(in EventFields fields)
    {
    }

    public void BeginLink() => _summary.BeginLink();

    public void EndLink(in LinkFields fields)
    {
        var invalid = _summary.InvalidLinkIdCount;
        _summary.EndLink(fields);
        if (invalid != _summary.InvalidLinkIdCount) _grownBytes += LinkIdBytes;
    }

    public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        _summary.Attribute(key, value);
        if (key.Length > maxAttributeBytes) _grownBytes -= key.Length - maxAttributeBytes;
        if (value.Kind == AnyValueKind.String && value.Bytes.Length > maxAttributeBytes)
            _grownBytes -= value.Bytes.Length - maxAttributeBytes;
        if (key.IsEmpty || value.Kind == AnyValueKind.Null) _grownBytes += EmptyAttributeBytes;
    }
}
