using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>The span-level columns for the rows of a page, with their events and links.</summary>
internal sealed class SpanStage
{
    private readonly PageLoad _load;
    private int[] _eventCounts = [];
    private int[] _linkCounts = [];

    public SpanStage(LevelStream spans, PageLoad load, LevelMemory memory, BlockVersion version, DedicatedColumns dedicated)
    {
        _load = load;
        Names = new StringDictionary(load);
        TraceStates = new StringDictionary(load);
        StatusMessages = new StringDictionary(load);
        EventNames = new StringDictionary(load);
        LinkTraceStates = new StringDictionary(load);
        Levels = spans;
        Attributes = new AttributeStage(spans, load, memory, version.AttributeLeaves(dedicated, AttributeScope.Span));
        EventLevels = new LevelStream(spans.MaxRepetition + 1, spans.MaxDefinition + 1);
        EventAttributes = new AttributeStage(EventLevels, load, memory, version.AttributeLeaves(dedicated, AttributeScope.Event));
        LinkLevels = new LevelStream(spans.MaxRepetition + 1, spans.MaxDefinition + 1);
        LinkAttributes = new AttributeStage(LinkLevels, load, memory, []);
    }

    public int Count { get; private set; }

    public LevelStream Levels { get; }
    public LevelStream EventLevels { get; }
    public LevelStream LinkLevels { get; }
    public AttributeStage Attributes { get; }
    public AttributeStage EventAttributes { get; }
    public AttributeStage LinkAttributes { get; }
    public StringDictionary Names { get; }
    public StringDictionary TraceStates { get; }
    public StringDictionary StatusMessages { get; }
    public StringDictionary EventNames { get; }
    public StringDictionary LinkTraceStates { get; }

    // Span columns, Count entries each.
    public byte[] Ids = [];
    public int[] ParentIdOffsets = [0];
    public byte[] ParentIds = [];
    public int[] Parent = [];
    public int[] Left = [];
    public int[] Right = [];
    public int[] ChildCount = [];
    public int[] Name = [];
    public int[] Kind = [];
    public int[] TraceState = [];
    public long[] Start = [];
    public long[] Duration = [];
    public int[] StatusCode = [];
    public int[] StatusMessage = [];
    public int[] DroppedAttributes = [];
    public int[] DroppedEvents = [];
    public int[] DroppedLinks = [];

    public int EventCount { get; private set; }
    public long[] EventTime = [];
    public int[] EventName = [];
    public int[] EventDroppedAttributes = [];

    public int LinkCount { get; private set; }
    public byte[] LinkTraceIds = [];
    public byte[] LinkSpanIds = [];
    public int[] LinkTraceState = [];
    public int[] LinkDroppedAttributes = [];

    public void Clear()
    {
        Count = EventCount = LinkCount = 0;
        Attributes.Clear();
        EventAttributes.Clear();
        LinkAttributes.Clear();
    }

    public void ClearDictionaries()
    {
        Names.Clear();
        TraceStates.Clear();
        StatusMessages.Clear();
        EventNames.Clear();
        LinkTraceStates.Clear();
        Attributes.ClearDictionaries();
        EventAttributes.ClearDictionaries();
        LinkAttributes.ClearDictionaries();
    }

    /// <summary>Adds span <paramref name="i"/> of the trace.</summary>
    public void Add(OrderedTrace trace, int i)
    {
        var (number, row) = trace.Spans[i];
        var batch = trace.Batch(i);
        var n = Count++;
        if (n >= Start.Length) Reserve(n + 1);

        BinaryPrimitives.WriteUInt64BigEndian(Ids.AsSpan(n * 8), batch.SpanId[row]);
        var parentStart = ParentIdOffsets[n];
        var parentId = batch.ParentSpanId[row];
        BinaryPrimitives.WriteUInt64BigEndian(ParentIds.AsSpan(parentStart), parentId);
        ParentIdOffsets[n + 1] = parentId == 0 ? parentStart : parentStart + 8;
        Parent[n] = trace.Parent[i];
        Left[n] = trace.Left[i];
        Right[n] = trace.Right[i];
        ChildCount[n] = trace.ChildCount[i];
        Name[n] = Names.Index(number, batch.Name.Table, batch.Name.Codes[row]);
        Kind[n] = batch.Kind[row];
        TraceState[n] = TraceStates.Index(number, batch.TraceState.Table, batch.TraceState.Codes[row]);
        Start[n] = (long)batch.StartUnixNano[row];
        Duration[n] = (long)batch.DurationNano[row];
        StatusCode[n] = batch.Status[row] & SpanBatch.StatusCodeMask;
        StatusMessage[n] = StatusMessages.Index(number, batch.StatusMessage.Table, batch.StatusMessage.Codes[row]);
        DroppedAttributes[n] = (int)batch.DroppedAttributes[row];
        DroppedEvents[n] = (int)batch.DroppedEvents[row];
        DroppedLinks[n] = (int)batch.DroppedLinks[row];
        Attributes.AddOwner(
            number, batch.SpanAttributes, batch.AttributeStart[row], batch.AttributeStart[row + 1], batch, AttributeScope.Span, row);
        _eventCounts[n] = AddEvents(number, batch, batch.EventStart[row], batch.EventStart[row + 1]);
        _linkCounts[n] = AddLinks(number, batch, batch.LinkStart[row], batch.LinkStart[row + 1]);
    }

    /// <summary>All spans of a trace were added.</summary>
    public void EndTrace()
    {
        Attributes.CompleteTexts();
        EventAttributes.CompleteTexts();
        LinkAttributes.CompleteTexts();
    }

    /// <summary>All spans of the page were added and <see cref="Levels"/> are known: computes the levels below.</summary>
    public void Complete()
    {
        Attributes.Complete();
        EventLevels.Expand(Levels, _eventCounts.AsSpan(0, Count));
        EventAttributes.Complete();
        LinkLevels.Expand(Levels, _linkCounts.AsSpan(0, Count));
        LinkAttributes.Complete();
    }

    private int AddEvents(int number, SpanBatch batch, int from, int to)
    {
        var events = batch.Events;
        for (var i = from; i < to; i++)
        {
            var n = EventCount++;
            GrowableArray.Reserve(ref EventTime, n + 1);
            GrowableArray.Reserve(ref EventName, n + 1);
            GrowableArray.Reserve(ref EventDroppedAttributes, n + 1);
            EventTime[n] = (long)events.TimeSinceStartNano[i];
            EventName[n] = EventNames.Index(number, events.Name.Table, events.Name.Codes[i]);
            EventDroppedAttributes[n] = (int)events.DroppedAttributes[i];
            EventAttributes.AddOwner(
                number, events.Attributes, events.AttributeStart[i], events.AttributeStart[i + 1], batch, AttributeScope.Event, i);
        }

        _load.EntryCount += to - from;
        return to - from;
    }

    private int AddLinks(int number, SpanBatch batch, int from, int to)
    {
        var links = batch.Links;
        for (var i = from; i < to; i++)
        {
            var n = LinkCount++;
            GrowableArray.Reserve(ref LinkTraceIds, (n + 1) * TraceId.SizeBytes);
            GrowableArray.Reserve(ref LinkSpanIds, (n + 1) * SpanId.SizeBytes);
            GrowableArray.Reserve(ref LinkTraceState, n + 1);
            GrowableArray.Reserve(ref LinkDroppedAttributes, n + 1);
            links.TraceId[i].Write(LinkTraceIds.AsSpan(n * TraceId.SizeBytes));
            BinaryPrimitives.WriteUInt64BigEndian(LinkSpanIds.AsSpan(n * SpanId.SizeBytes), links.SpanId[i]);
            LinkTraceState[n] = LinkTraceStates.Index(number, links.TraceState.Table, links.TraceState.Codes[i]);
            LinkDroppedAttributes[n] = (int)links.DroppedAttributes[i];
            LinkAttributes.AddOwner(
                number, links.Attributes, links.AttributeStart[i], links.AttributeStart[i + 1], batch, AttributeScope.Link, i);
        }

        _load.EntryCount += to - from;
        return to - from;
    }

    private void Reserve(int count)
    {
        GrowableArray.Reserve(ref Start, count);
        var length = Start.Length;
        GrowableArray.Reserve(ref Ids, length * SpanId.SizeBytes);
        GrowableArray.Reserve(ref ParentIds, length * SpanId.SizeBytes);
        GrowableArray.Reserve(ref ParentIdOffsets, length + 1);
        GrowableArray.Reserve(ref Parent, length);
        GrowableArray.Reserve(ref Left, length);
        GrowableArray.Reserve(ref Right, length);
        GrowableArray.Reserve(ref ChildCount, length);
        GrowableArray.Reserve(ref Name, length);
        GrowableArray.Reserve(ref Kind, length);
        GrowableArray.Reserve(ref TraceState, length);
        GrowableArray.Reserve(ref Duration, length);
        GrowableArray.Reserve(ref StatusCode, length);
        GrowableArray.Reserve(ref StatusMessage, length);
        GrowableArray.Reserve(ref DroppedAttributes, length);
        GrowableArray.Reserve(ref DroppedEvents, length);
        GrowableArray.Reserve(ref DroppedLinks, length);
        GrowableArray.Reserve(ref _eventCounts, length);
        GrowableArray.Reserve(ref _linkCounts, length);
    }
}
