using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Spans as columns: the one shape in which live data and blocks meet the scan, the trace assembly and the block writer.
/// <para>
/// Spans belong to traces by <see cref="Trace"/> (an index into <see cref="TraceIds"/>); in a batch from a block they lie one
/// trace after the other, in a live batch in the order of arrival. Arrays may be longer than their count. Columns that a
/// reader did not ask for are empty. A live batch may grow while it is read: take <see cref="SpanCount"/> once
/// (<see cref="Snapshot"/>) and stay below it.
/// </para>
/// </summary>
public sealed class SpanBatch
{
    private int _publishedSpanCount;

    /// <summary>Number of spans that are complete. Read it once; everything those spans refer to is in place.</summary>
    public int Snapshot() => Volatile.Read(ref _publishedSpanCount);

    /// <summary>Number of spans, as the writer of the batch sees it.</summary>
    public int SpanCount;
    public int TraceCount;
    public TraceId[] TraceIds = [];

    /// <summary>Start of the first and end of the last span of each trace; only in batches from blocks.</summary>
    public ulong[] TraceStart = [];
    public ulong[] TraceEnd = [];

    public int[] Trace = [];
    public ulong[] SpanId = [];
    public ulong[] ParentSpanId = [];
    public ulong[] StartUnixNano = [];
    public ulong[] DurationNano = [];

    /// <summary>Only where a loader brought it in: 0 for a root, 2 for a span below one, 1 for one that no root leads to.</summary>
    public byte[] ParentSign = [];

    /// <summary>Only where a loader brought them in, one for each trace: of its root, empty where there is none.</summary>
    public StringColumn RootName = new();
    public StringColumn RootServiceName = new();

    /// <summary>
    /// Only where a loader brought them in: the nested-set numbers of each span within its trace, 0 where no root leads to it, and the
    /// left number of its parent, -1 for a root.
    /// </summary>
    public int[] TreeLeft = [];
    public int[] TreeRight = [];
    public int[] TreeParent = [];

    /// <summary>Only where a loader brought it in: children of each span.</summary>
    public int[] ChildCount = [];

    /// <summary>OTLP numbers 0..5; a number unknown to OTLP is kept as 0.</summary>
    public byte[] Kind = [];

    /// <summary>OTLP numbers: 0 unset, 1 ok, 2 error. Bit 7: the sender sent a Status message.</summary>
    public byte[] Status = [];
    public StringColumn Name = new();
    public StringColumn StatusMessage = new();
    public StringColumn TraceState = new();
    public uint[] Flags = [];
    public uint[] DroppedAttributes = [];
    public uint[] DroppedEvents = [];
    public uint[] DroppedLinks = [];

    /// <summary>Index into the resources and scopes of this batch.</summary>
    public int[] Resource = [];
    public int[] Scope = [];

    /// <summary>
    /// SpanCount + 1 offsets: the attributes of span i are [Start[i], Start[i + 1]) of <see cref="SpanAttributes"/>; events and
    /// links likewise.
    /// </summary>
    public int[] AttributeStart = [];
    public int[] EventStart = [];
    public int[] LinkStart = [];
    public AttributeColumns SpanAttributes = new();

    public ResourceColumns Resources = new();
    public ScopeColumns Scopes = new();
    public EventColumns Events = new();
    public LinkColumns Links = new();

    /// <summary>Columns that the block keeps apart from the generic attributes.</summary>
    public List<DedicatedColumn> Dedicated = [];

    /// <summary>The OTLP status code in <see cref="Status"/>.</summary>
    public const byte StatusCodeMask = 0x7F;
    public const byte StatusError = 2;

    /// <summary>The bit that says that a Status message was sent.</summary>
    public const byte StatusSent = 0x80;

    /// <summary>Brings in columns of a page when they are asked for; null: everything that there is is there.</summary>
    public ISpanColumnLoader? Loader;

    /// <summary>Must be called before columns are read of a batch that has a loader. Costs nothing for one that has none.</summary>
    public void Require(BatchColumns columns) => Loader?.Load(this, columns);

    /// <summary>The same for parts of the attributes of a scope; values at marked places only, if some are marked.</summary>
    public void RequireAttributes(AttributeScope scope, AttributeParts parts, ReadOnlySpan<ulong> places = default) =>
        Loader?.LoadAttributes(this, scope, parts, places);

    /// <summary>Counts how often the batch was filled: what was found out about one filling says nothing of the next.</summary>
    public int Filling { get; private set; }

    /// <summary>The same for a column of its own.</summary>
    public void RequireDedicated(DedicatedColumn column) => Loader?.LoadDedicated(this, column);

    /// <summary>Bytes that the attributes of spans, events and links take, with their texts.</summary>
    public long AttributeBytes() => SpanAttributes.SizeBytes + Events.Attributes.SizeBytes + Links.Attributes.SizeBytes;

    /// <summary>Forgets all rows and keeps the memory. Nobody may be reading.</summary>
    internal void Clear()
    {
        SpanCount = TraceCount = 0;
        Filling++;
        SpanAttributes.Clear();
        Resources.Count = Scopes.Count = Events.Count = Links.Count = 0;
        Resources.Attributes.Clear();
        Scopes.Attributes.Clear();
        Events.Attributes.Clear();
        Links.Attributes.Clear();
        Publish();
    }

    /// <summary>Lets go of all that belongs to a block or is lent; for a batch that is kept for others. Nobody may be reading.</summary>
    public void Release()
    {
        (Loader as LazyColumns)?.Release(this);
        ReleaseTables();
    }

    /// <summary>Its columns hold no more than those of a page, without whole attributes: it is worth keeping.</summary>
    public bool IsSmall =>
        Trace.Length <= MaxSmallSpans && SpanAttributes.Bits.Length + Resources.Attributes.Bits.Length + Events.Attributes.Bits.Length
            <= MaxSmallSpans;

    /// <summary>
    /// The same of a batch of one trace with whole attributes: at most some 10 MB, of a trace that is four times what Tempo's default limit
    /// lets through.
    /// </summary>
    public bool IsOfOrdinaryTrace =>
        Trace.Length <= MaxSmallSpans / 2 && OwnTextBytes <= MaxOwnTextBytes && PlaceCount <= 4 * MaxSmallSpans;

    private AllTexts Texts
    {
        get
        {
            var all = default(AllTexts);
            ReadOnlySpan<StringColumn> columns = [Name, StatusMessage, TraceState, RootName, RootServiceName, Resources.ServiceName,
                Scopes.Name, Scopes.Version, Events.Name, Links.TraceState];
            columns.CopyTo(all);
            return all;
        }
    }

    private AllAttributes AttributesOfAll
    {
        get
        {
            var all = default(AllAttributes);
            ReadOnlySpan<AttributeColumns> columns =
                [SpanAttributes, Resources.Attributes, Scopes.Attributes, Events.Attributes, Links.Attributes];
            columns.CopyTo(all);
            return all;
        }
    }

    private long OwnTextBytes
    {
        get
        {
            long bytes = 0;
            foreach (var column in Texts) bytes += column.OwnTable?.Bytes.Length ?? 0;
            foreach (var attributes in AttributesOfAll) bytes += attributes.OwnTextBytes;
            foreach (var column in Dedicated) bytes += column.OwnValues?.Bytes.Length ?? 0;
            return bytes;
        }
    }

    // Values of attributes, and rows of events and links.
    private long PlaceCount
    {
        get
        {
            long places = Events.Name.Codes.Length + Links.TraceState.Codes.Length;
            foreach (var attributes in AttributesOfAll) places += attributes.Bits.Length + attributes.Items.Length;
            foreach (var column in Dedicated) places += column.Bits.Length;
            return places;
        }
    }

    // On the stack: they are asked for with every page that is let go of.
    [InlineArray(10)]
    private struct AllTexts
    {
        private StringColumn _first;
    }

    [InlineArray(5)]
    private struct AllAttributes
    {
        private AttributeColumns _first;
    }

    private const long MaxOwnTextBytes = 2 << 20;

    /// <summary>Spans of four of our pages.</summary>
    private const int MaxSmallSpans = 64 * 1024;

    /// <summary>Lets go of dictionaries that belong to a block; for a batch that is kept and not read.</summary>
    internal void ReleaseTables()
    {
        Clear();
        foreach (var column in Texts) column.Table = StringTable.None;
        foreach (var attributes in AttributesOfAll) attributes.KeyTable = attributes.Values = StringTable.None;
        foreach (var column in Dedicated) column.Values = StringTable.None;
    }

    /// <summary>Makes the spans up to <see cref="SpanCount"/> visible to readers on other threads.</summary>
    public void Publish() => Volatile.Write(ref _publishedSpanCount, SpanCount);
}

/// <summary>A column of strings: codes into a table.</summary>
public sealed class StringColumn
{
    public int[] Codes = [];
    public StringTable Table = StringTable.None;

    /// <summary>The batch's own memory, for when the table is not a dictionary that others have, too.</summary>
    internal RefilledStringTable? OwnTable;

    /// <summary>The table is a dictionary that others have, too, and does not change.</summary>
    internal bool IsOfDictionary => OwnTable is null || !ReferenceEquals(Table.Bytes, OwnTable.Bytes);

    /// <summary>The first codes with their table.</summary>
    internal StringColumn Copy(int count) => new() { Codes = Codes.AsSpan(0, count).ToArray(), Table = Table };

    public ReadOnlySpan<byte> this[int row] => Table[Codes[row]];
}

/// <summary>Resources of a batch.</summary>
public sealed class ResourceColumns
{
    public int Count;
    public StringColumn ServiceName = new();

    /// <summary>1 where the resource has a service.name of type string (which may be empty).</summary>
    public byte[] HasServiceName = [];
    public uint[] DroppedAttributes = [];

    /// <summary>Count + 1 offsets into <see cref="Attributes"/>, which leave out a service.name of type string.</summary>
    public int[] AttributeStart = [];
    public AttributeColumns Attributes = new();
}

/// <summary>Instrumentation scopes of a batch.</summary>
public sealed class ScopeColumns
{
    public int Count;
    public StringColumn Name = new();
    public StringColumn Version = new();
    public uint[] DroppedAttributes = [];
    public int[] AttributeStart = [];
    public AttributeColumns Attributes = new();
}

/// <summary>Events of a batch.</summary>
public sealed class EventColumns
{
    public int Count;

    /// <summary>Event time minus span start; wraps (two's complement) where the event is earlier.</summary>
    public ulong[] TimeSinceStartNano = [];
    public StringColumn Name = new();
    public uint[] DroppedAttributes = [];
    public int[] AttributeStart = [];
    public AttributeColumns Attributes = new();
}

/// <summary>Links of a batch.</summary>
public sealed class LinkColumns
{
    public int Count;
    public TraceId[] TraceId = [];
    public ulong[] SpanId = [];
    public StringColumn TraceState = new();
    public uint[] Flags = [];
    public uint[] DroppedAttributes = [];
    public int[] AttributeStart = [];
    public AttributeColumns Attributes = new();
}
