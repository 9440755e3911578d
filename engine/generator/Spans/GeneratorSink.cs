using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.Spans;

/// <summary>What every span goes through, whichever processors are on.</summary>
internal sealed class SpanAdmission(DuplicateFilter duplicates)
{
    private long _slackMs = (long)duplicates.Window.TotalMilliseconds;

    /// <summary>One that comes again after it is too old to count anyhow, so the filter remembers for as long.</summary>
    public TimeSpan Slack
    {
        get => duplicates.Window;
        set => (duplicates.Window, _slackMs) = (value, (long)value.TotalMilliseconds);
    }

    public long DuplicateWindowsShortened => duplicates.ShortenedCount;

    public long ReceivedCount { get; set; }

    /// <summary>See <see cref="SpanPrefetch"/>.</summary>
    public void Prefetch(ReadOnlySpan<byte> request) => SpanPrefetch.Run(request, duplicates);

    /// <summary>Sets the span's own facts; false if it does not count.</summary>
    public bool Takes(CurrentSpan current, in SpanFields span)
    {
        // Not stored either.
        if (!OtlpRequestSummary.HasValidTraceId(span) || !OtlpRequestSummary.HasValidSpanId(span)) return false;
        ReceivedCount++;
        if (Math.Abs((long)(span.EndTimeUnixNano / 1_000_000) - current.NowUnixMs) > _slackMs)
        {
            current.Counts.OutsideSlack++;
            return false;
        }

        current.TraceId = TraceId.Read(span.TraceId);
        current.SpanId = SpanId.Read(span.SpanId).Value;
        current.ParentSpanId = span.ParentSpanId.IsEmpty ? 0 : SpanId.Read(span.ParentSpanId).Value;
        if (!duplicates.TryAdd(current.TraceId, current.SpanId, span.Kind, current.NowUnixMs))
        {
            current.Counts.Duplicate++;
            return false;
        }

        current.DurationSeconds = span.EndTimeUnixNano > span.StartTimeUnixNano ? (span.EndTimeUnixNano - span.StartTimeUnixNano) / 1e9 : 0;
        return true;
    }
}

/// <summary>Hands the spans of a request to the processors, in one walk, with no object a span.</summary>
internal struct GeneratorSink(CurrentSpan current, SpanAdmission admission, ISpanProcessor[] processors) : IOtlpTraceSink
{
    private Place _place = Place.Elsewhere;

    public bool BeginResource(ReadOnlySpan<byte> message)
    {
        current.Resource.Clear();
        current.AllOfResource?.Clear();
        _place = Place.Resource;
        return true;
    }

    public void EndResource(uint droppedAttributesCount)
    {
        _place = Place.Elsewhere;
        foreach (var processor in processors) processor.OnResource(current);
    }

    public readonly bool BeginScope(ReadOnlySpan<byte> message) => false;

    public readonly void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
    }

    public void BeginSpan()
    {
        current.Span.Clear();
        _place = Place.Span;
    }

    public readonly void EndSpan(in SpanFields fields)
    {
        if (!admission.Takes(current, fields)) return;
        foreach (var processor in processors) processor.OnSpan(current, fields);
    }

    public void BeginEvent() => _place = Place.Elsewhere;

    public void EndEvent(in EventFields fields) => _place = Place.Span;

    public void BeginLink() => _place = Place.Elsewhere;

    public void EndLink(in LinkFields fields) => _place = Place.Span;

    public readonly void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        if (_place == Place.Span)
        {
            current.Span.Offer(key, value);
        }
        else if (_place == Place.Resource)
        {
            current.Resource.Offer(key, value);
            current.AllOfResource?.Offer(key, value);
        }
    }
}

/// <summary>Whose attributes pass by.</summary>
internal enum Place : byte
{
    Elsewhere,
    Resource,
    Span,
}
