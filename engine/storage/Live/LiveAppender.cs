using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// Writes the spans of one request into the columns of a <see cref="LiveBatch"/>. No object per span or attribute: a span
/// is a row, an attribute three numbers. A span whose ids are invalid is taken back when it ends.
/// </summary>
internal struct LiveAppender : IOtlpTraceSink
{
    private const int SpansToJudgeBy = 2048;

    /// <summary>64 a span: beyond it a batch grows by what has come.</summary>
    private const int MaxForeseenAttributes = 1 << 20;

    private readonly LiveBatch _live;
    private readonly SpanBatch _batch;
    private readonly InternTable _strings;
    private readonly int _maxAttributeBytes;

    // What attributes belong to now.
    private AttributeColumns _owner;
    private bool _inResource;
    private int _resource;
    private int _scope;
    private int _serviceName;
    private bool _hasServiceName;

    // Where the span that is being read began, so that it can be taken back.
    private int _attributesAtStart;
    private int _eventsAtStart;
    private int _linksAtStart;
    private int _eventAttributesAtStart;
    private int _linkAttributesAtStart;
    private TraceId _lastTraceId;
    private int _lastTrace;
    private int _lastKey;
    private TruncatedAttributes _truncated;

    public LiveAppender(LiveBatch live, int maxAttributeBytes)
    {
        _live = live;
        _batch = live.Columns;
        _strings = live.Strings;
        _maxAttributeBytes = maxAttributeBytes;
        _owner = _batch.SpanAttributes;
        _lastTrace = -1;
    }

    /// <summary>Keys and values that were longer than the limit.</summary>
    public readonly TruncatedAttributes Truncated => _truncated;

    // Code 0 of the message tables is the empty message, which is a resource like any other: codes and rows are the same
    // numbers once row 0 exists.
    public bool BeginResource(ReadOnlySpan<byte> message)
    {
        var resources = _batch.Resources;
        _resource = _live.ResourceMessages.Intern(message);
        if (_resource < resources.Count) return false;
        if (resources.Count == 0 && _resource != 0) AddResource(resources, InternTable.Empty, hasServiceName: false, 0);
        _owner = resources.Attributes;
        _inResource = true;
        _serviceName = InternTable.Empty;
        _hasServiceName = false;
        return true;
    }

    public void EndResource(uint droppedAttributesCount)
    {
        var resources = _batch.Resources;
        _inResource = false;
        if (_resource < resources.Count) return;
        AddResource(resources, _serviceName, _hasServiceName, droppedAttributesCount);
    }

    public bool BeginScope(ReadOnlySpan<byte> message)
    {
        var scopes = _batch.Scopes;
        _scope = _live.ScopeMessages.Intern(message);
        if (_scope < scopes.Count) return false;
        if (scopes.Count == 0 && _scope != 0) AddScope(scopes, InternTable.Empty, InternTable.Empty, 0);
        _owner = scopes.Attributes;
        return true;
    }

    public void EndScope(ReadOnlySpan<byte> name, ReadOnlySpan<byte> version, uint droppedAttributesCount)
    {
        var scopes = _batch.Scopes;
        if (_scope < scopes.Count) return;
        AddScope(scopes, _strings.InternText(name), _strings.InternText(version), droppedAttributesCount);
    }

    public void BeginSpan()
    {
        _lastKey = InternTable.Empty;
        _owner = _batch.SpanAttributes;
        _attributesAtStart = _batch.SpanAttributes.Count;
        _eventsAtStart = _batch.Events.Count;
        _linksAtStart = _batch.Links.Count;
        _eventAttributesAtStart = _batch.Events.Attributes.Count;
        _linkAttributesAtStart = _batch.Links.Attributes.Count;
    }

    public void EndSpan(in SpanFields fields)
    {
        if (!OtlpRequestSummary.HasValidTraceId(fields) || !OtlpRequestSummary.HasValidSpanId(fields))
        {
            _batch.SpanAttributes.Count = _attributesAtStart;
            _batch.Events.Count = _eventsAtStart;
            _batch.Links.Count = _linksAtStart;
            _batch.Events.Attributes.Count = _eventAttributesAtStart;
            _batch.Links.Attributes.Count = _linkAttributesAtStart;
            return;
        }

        AddSpan(fields);
    }

    private void AddSpan(in SpanFields fields)
    {
        var b = _batch;
        var span = b.SpanCount;
        if (span == b.Trace.Length) ReserveSpans(span + 1);

        var traceId = TraceId.Read(fields.TraceId);
        if (_lastTrace < 0 || traceId != _lastTraceId)
        {
            _lastTraceId = traceId;
            _lastTrace = _live.Traces.GetOrAdd(traceId);
        }

        b.Trace[span] = _lastTrace;
        LinkToTrace(span, _lastTrace);
        b.SpanId[span] = Foundation.SpanId.Read(fields.SpanId).Value;
        b.ParentSpanId[span] = fields.ParentSpanId.IsEmpty ? 0 : Foundation.SpanId.Read(fields.ParentSpanId).Value;
        b.StartUnixNano[span] = fields.StartTimeUnixNano;
        b.DurationNano[span] = fields.EndTimeUnixNano > fields.StartTimeUnixNano ? fields.EndTimeUnixNano - fields.StartTimeUnixNano : 0;
        // Kinds and codes that OTLP does not have yet keep their number, as far as the columns go.
        b.Kind[span] = (uint)fields.Kind <= byte.MaxValue ? (byte)fields.Kind : (byte)0;
        b.Status[span] = (byte)(((uint)fields.StatusCode <= SpanBatch.StatusCodeMask ? fields.StatusCode : 0)
            | (fields.HasStatus ? SpanBatch.StatusSent : 0));
        b.Name.Codes[span] = _strings.InternText(fields.Name);
        b.StatusMessage.Codes[span] = _strings.InternText(fields.StatusMessage);
        b.Flags[span] = fields.Flags;
        if (!fields.TraceState.IsEmpty || (fields.DroppedAttributesCount | fields.DroppedEventsCount | fields.DroppedLinksCount) != 0
            || _live.HasRareColumns)
            SetRare(span, fields);
        b.Resource[span] = _resource;
        b.Scope[span] = _scope;
        RebaseEvents(fields.StartTimeUnixNano);
        b.AttributeStart[span + 1] = b.SpanAttributes.Count;
        b.EventStart[span + 1] = b.Events.Count;
        b.LinkStart[span + 1] = b.Links.Count;
        b.SpanCount = span + 1;
    }

    private readonly void SetRare(int span, in SpanFields fields)
    {
        var b = _batch;
        _live.OwnRareColumns(b.Trace.Length);
        b.TraceState.Codes[span] = _strings.InternText(fields.TraceState);
        b.DroppedAttributes[span] = fields.DroppedAttributesCount;
        b.DroppedEvents[span] = fields.DroppedEventsCount;
        b.DroppedLinks[span] = fields.DroppedLinksCount;
    }

    // The span's start may come after its events on the wire, so event times are stored absolute first.
    private readonly void RebaseEvents(ulong start)
    {
        for (var i = _eventsAtStart; i < _batch.Events.Count; i++) _batch.Events.TimeSinceStartNano[i] -= start;
    }

    private readonly void LinkToTrace(int span, int trace)
    {
        if (trace >= _live.LastSpanOfTrace.Length) _live.GrowLastSpanOfTrace(trace + 1);

        _live.PreviousSpan[span] = _live.LastSpanOfTrace[trace];
        Volatile.Write(ref _live.LastSpanOfTrace[trace], span);
    }

    public void BeginEvent() => _owner = _batch.Events.Attributes;

    public void EndEvent(in EventFields fields)
    {
        var events = _batch.Events;
        var i = events.Count;
        GrowableArray.Reserve(ref events.TimeSinceStartNano, i + 1);
        GrowableArray.Reserve(ref events.Name.Codes, i + 1);
        GrowableArray.Reserve(ref events.DroppedAttributes, i + 1);
        GrowableArray.Reserve(ref events.AttributeStart, i + 2);
        events.TimeSinceStartNano[i] = fields.TimeUnixNano;
        events.Name.Codes[i] = _strings.InternText(fields.Name);
        events.DroppedAttributes[i] = fields.DroppedAttributesCount;
        events.AttributeStart[i + 1] = events.Attributes.Count;
        events.Count = i + 1;
        _owner = _batch.SpanAttributes;
    }

    public void BeginLink() => _owner = _batch.Links.Attributes;

    public void EndLink(in LinkFields fields)
    {
        var links = _batch.Links;
        var i = links.Count;
        GrowableArray.Reserve(ref links.TraceId, i + 1);
        GrowableArray.Reserve(ref links.SpanId, i + 1);
        GrowableArray.Reserve(ref links.TraceState.Codes, i + 1);
        GrowableArray.Reserve(ref links.Flags, i + 1);
        GrowableArray.Reserve(ref links.DroppedAttributes, i + 1);
        GrowableArray.Reserve(ref links.AttributeStart, i + 2);
        links.TraceId[i] = fields.TraceId.Length == TraceId.SizeBytes ? TraceId.Read(fields.TraceId) : default;
        links.SpanId[i] = fields.SpanId.Length == Foundation.SpanId.SizeBytes ? Foundation.SpanId.Read(fields.SpanId).Value : 0;
        links.TraceState.Codes[i] = _strings.InternText(fields.TraceState);
        links.Flags[i] = fields.Flags;
        links.DroppedAttributes[i] = fields.DroppedAttributesCount;
        links.AttributeStart[i + 1] = links.Attributes.Count;
        links.Count = i + 1;
        _owner = _batch.SpanAttributes;
    }

    public void Attribute(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        if (_inResource && value.Kind == AnyValueKind.String && !_hasServiceName && key.SequenceEqual("service.name"u8))
        {
            _serviceName = Intern(value.Bytes);
            _hasServiceName = true;
            return;
        }

        var owner = _owner;
        var i = owner.Count;
        if (i == owner.Keys.Length) ReserveAttributes(owner, i + 1);
        owner.Keys[i] = _lastKey = InternKey(key);
        owner.Types[i] = LiveValues.Store(owner, value, ref this, out var bits);
        owner.Bits[i] = bits;
        owner.Count = i + 1;
    }

    // Senders write the same keys in the same order: what followed the last key before is tried first.
    private int InternKey(ReadOnlySpan<byte> key)
    {
        ref var predicted = ref _live.NextKey[_lastKey & LiveBatch.NextKeyMask];
        return _strings.Is(predicted, key) ? predicted : predicted = Intern(key);
    }

    /// <summary>The code of a key or a string value, cut to the limit on a UTF-8 boundary.</summary>
    internal int Intern(ReadOnlySpan<byte> text)
    {
        if (text.Length > _maxAttributeBytes)
        {
            CountTruncated();
            text = text[..BoundaryBefore(text, _maxAttributeBytes)];
        }

        return _strings.InternText(text);
    }

    private void CountTruncated()
    {
        if (_owner == _batch.SpanAttributes) _truncated.Span++;
        else if (_owner == _batch.Events.Attributes) _truncated.Event++;
        else if (_owner == _batch.Links.Attributes) _truncated.Link++;
        else if (_owner == _batch.Resources.Attributes) _truncated.Resource++;
        else _truncated.Scope++;
    }

    // A UTF-8 sequence has at most three continuation bytes; where more follow each other the text is not UTF-8 anyway.
    private static int BoundaryBefore(ReadOnlySpan<byte> text, int length)
    {
        var boundary = length;
        while (boundary > 0 && length - boundary <= 3 && (text[boundary] & 0xC0) == 0x80) boundary--;
        return length - boundary <= 3 ? boundary : length;
    }

    /// <summary>The code of bytes that are kept whole.</summary>
    internal readonly int InternWhole(ReadOnlySpan<byte> bytes) => _strings.InternRaw(bytes);

    private readonly void ReserveAttributes(AttributeColumns owner, int count)
    {
        // The attributes of spans are most of a batch. Once it has enough spans to judge by, it gets the room it will need at
        // once, not by steps that leave five times as much garbage.
        if (owner == _batch.SpanAttributes && _batch.SpanCount >= SpansToJudgeBy)
            count = (int)Math.Max(count, Math.Min((long)count * LiveBatch.ColumnLength / _batch.SpanCount, MaxForeseenAttributes));
        GrowableArray.Reserve(ref owner.Types, count);
        GrowableArray.Reserve(ref owner.Bits, count);
        GrowableArray.Reserve(ref owner.Keys, count);
    }

    private static void AddResource(ResourceColumns resources, int serviceName, bool hasServiceName, uint dropped)
    {
        var i = resources.Count;
        GrowableArray.Reserve(ref resources.ServiceName.Codes, i + 1);
        GrowableArray.Reserve(ref resources.HasServiceName, i + 1);
        GrowableArray.Reserve(ref resources.DroppedAttributes, i + 1);
        GrowableArray.Reserve(ref resources.AttributeStart, i + 2);
        resources.ServiceName.Codes[i] = serviceName;
        resources.HasServiceName[i] = hasServiceName ? (byte)1 : (byte)0;
        resources.DroppedAttributes[i] = dropped;
        resources.AttributeStart[i + 1] = resources.Attributes.Count;
        resources.Count = i + 1;
    }

    private static void AddScope(ScopeColumns scopes, int name, int version, uint dropped)
    {
        var i = scopes.Count;
        GrowableArray.Reserve(ref scopes.Name.Codes, i + 1);
        GrowableArray.Reserve(ref scopes.Version.Codes, i + 1);
        GrowableArray.Reserve(ref scopes.DroppedAttributes, i + 1);
        GrowableArray.Reserve(ref scopes.AttributeStart, i + 2);
        scopes.Name.Codes[i] = name;
        scopes.Version.Codes[i] = version;
        scopes.DroppedAttributes[i] = dropped;
        scopes.AttributeStart[i + 1] = scopes.Attributes.Count;
        scopes.Count = i + 1;
    }

    private readonly void ReserveSpans(int count)
    {
        var b = _batch;
        GrowableArray.Reserve(ref b.SpanId, count);
        GrowableArray.Reserve(ref b.ParentSpanId, count);
        GrowableArray.Reserve(ref b.StartUnixNano, count);
        GrowableArray.Reserve(ref b.DurationNano, count);
        GrowableArray.Reserve(ref b.Kind, count);
        GrowableArray.Reserve(ref b.Status, count);
        GrowableArray.Reserve(ref b.Name.Codes, count);
        GrowableArray.Reserve(ref b.StatusMessage.Codes, count);
        GrowableArray.Reserve(ref b.Flags, count);
        GrowableArray.Reserve(ref b.Resource, count);
        GrowableArray.Reserve(ref b.Scope, count);
        GrowableArray.Reserve(ref _live.PreviousSpan, count);
        GrowableArray.Reserve(ref b.Trace, count);
        _live.ReserveRareColumns(b.Trace.Length);
        // One more entry than spans, and never shorter than the span arrays + 1.
        GrowableArray.Reserve(ref b.AttributeStart, b.Trace.Length + 1);
        GrowableArray.Reserve(ref b.EventStart, b.Trace.Length + 1);
        GrowableArray.Reserve(ref b.LinkStart, b.Trace.Length + 1);
    }
}
