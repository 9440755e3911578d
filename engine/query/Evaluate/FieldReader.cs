using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using AttributeScope = Tempo.Engine.TraceQL.Ast.AttributeScope;
using StorageScope = Tempo.Engine.Storage.Scan.AttributeScope;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>
/// Reads the value of one attribute or intrinsic of a span (specification TraceQL §1.4). The text of an id is good until the
/// next read. Not thread safe.
/// </summary>
internal sealed class FieldReader
{
    private readonly byte[] _key;
    private readonly bool _isServiceName;
    private readonly TextMemo _isKey;
    private readonly FieldReader? _ofParent;
    private readonly byte[] _hex = new byte[2 * TraceId.SizeBytes];

    // An unscoped field is looked for in two scopes, one after the other.
    private KeyColumn _ofResource;
    private KeyColumn _ofOther;

    public FieldReader(AttributeRef reference)
    {
        Reference = reference;
        _key = Encoding.UTF8.GetBytes(reference.Name);
        _isServiceName = reference.Name == "service.name";
        _isKey = new TextMemo(key => key.SequenceEqual(_key));
        ReadsEvents =
            reference.Scope == AttributeScope.Event || reference.Intrinsic is Intrinsic.EventName or Intrinsic.EventTimeSinceStart;
        _ofParent = reference.IsOfParent ? new FieldReader(reference.OnParent()) : null;
        ReadsLinks = reference.Scope == AttributeScope.Link || reference.Intrinsic is Intrinsic.LinkSpanId or Intrinsic.LinkTraceId;
    }

    public AttributeRef Reference { get; }

    /// <summary>Is its value one of an event, so that it depends on which event is looked at?</summary>
    public bool ReadsEvents { get; }

    /// <summary>The same of links.</summary>
    public bool ReadsLinks { get; }

    /// <summary>Is it a fact of the whole trace, which a batch alone cannot tell?</summary>
    public bool ReadsTrace => IsOfTrace(Reference);

    /// <summary>The same of a field that nobody reads yet.</summary>
    public static bool IsOfTrace(AttributeRef field) =>
        field.IsOfParent || field.Intrinsic is Intrinsic.SpanChildCount or Intrinsic.NestedSetLeft
            or Intrinsic.NestedSetRight or Intrinsic.NestedSetParent or Intrinsic.TraceDuration or Intrinsic.RootName
            or Intrinsic.RootServiceName;

    public FieldValue Read(in SpanCursor span) => _ofParent is null ? ReadOwn(span) : ReadOfParent(span);

    // A root has no parent, and of an orphan it is not known; then there is no value.
    private FieldValue ReadOfParent(in SpanCursor span)
    {
        if (span.Trace is not { } trace) return FieldValue.Unknown;
        var parent = trace.ParentIndex[span.Index];
        return parent < 0 ? FieldValue.Nil : _ofParent!.Read(SpanCursor.At(trace, parent));
    }

    private FieldValue ReadOwn(in SpanCursor span) => Reference.Scope switch
    {
        AttributeScope.Intrinsic => ReadIntrinsic(span),
        AttributeScope.Span => ReadSpan(span),
        AttributeScope.Resource => ReadResource(span),
        AttributeScope.Unscoped => ReadSpan(span) is { Type: not FieldType.Nil } own ? own : ReadResource(span),
        AttributeScope.Instrumentation =>
            Find(span.Batch, StorageScope.Scope, span.Batch.Scopes.Attributes, span.Batch.Scopes.AttributeStart,
                span.Batch.Scope[span.Row]),
        AttributeScope.Event when span.Event >= 0 =>
            Find(span.Batch, StorageScope.Event, span.Batch.Events.Attributes, span.Batch.Events.AttributeStart, span.Event),
        AttributeScope.Link when span.Link >= 0 =>
            Find(span.Batch, StorageScope.Link, span.Batch.Links.Attributes, span.Batch.Links.AttributeStart, span.Link),
        _ => FieldValue.Nil,
    };

    private FieldValue ReadSpan(in SpanCursor span) =>
        Find(span.Batch, StorageScope.Span, span.Batch.SpanAttributes, span.Batch.AttributeStart, span.Row);

    // The service's name has a column of its own, in which "empty" and "absent" are the same: resource.service.name is always
    // a text, and .service.name is absent where it is empty.
    private FieldValue ReadResource(in SpanCursor span)
    {
        var resources = span.Batch.Resources;
        var row = span.Batch.Resource[span.Row];
        if (_isServiceName && !resources.ServiceName[row].IsEmpty)
            return FieldValue.Text(resources.ServiceName.Table, resources.ServiceName.Codes[row]);
        var value = Find(span.Batch, StorageScope.Resource, resources.Attributes, resources.AttributeStart, row);
        return _isServiceName && value.Type == FieldType.Nil && Reference.Scope == AttributeScope.Resource ? FieldValue.Text([]) : value;
    }

    // The first attribute of that key whose value has a TraceQL type.
    private FieldValue Find(SpanBatch batch, StorageScope scope, AttributeColumns attributes, int[] starts, int owner)
    {
        foreach (var column in batch.Dedicated)
            if (column.Scope == scope && column.Start[owner + 1] > column.Start[owner] && column.Key.AsSpan().SequenceEqual(_key))
                return FromDedicated(column, owner);
        if (batch.Loader is not null)
        {
            ref var known = ref OccurrencesIn(batch, scope);
            if (known.Found is not null) return FindAmong(ref known, owner);
        }

        var (first, end) = (starts[owner], starts[owner + 1]);
        if (first == end) return FieldValue.Nil;
        var isKey = _isKey.Of(attributes.KeyTable);
        var keys = attributes.Keys;
        for (var i = first; i < end; i++)
            if (isKey[keys[i]] && FromAttribute(attributes, i) is { Type: not FieldType.Nil } value)
                return value;
        return FieldValue.Nil;
    }

    // The key's own column, where one was made of the page's attributes; else they were brought in whole.
    private ref KeyColumn OccurrencesIn(SpanBatch batch, StorageScope scope)
    {
        ref var known = ref scope == StorageScope.Resource ? ref _ofResource : ref _ofOther;
        if (!ReferenceEquals(known.Batch, batch) || known.Filling != batch.Filling || known.Found is null)
            known = new KeyColumn
            {
                Batch = batch,
                Filling = batch.Filling,
                Found = batch.Loader!.TryFindAttribute(scope, _key, out var found) ? found : null
            };
        return ref known;
    }

    private static FieldValue FindAmong(ref KeyColumn known, int owner)
    {
        var occurrences = known.Found!;
        var i = known.Next = occurrences.IndexFrom(known.Next, owner);
        for (; i < occurrences.Count && occurrences.Owners[i] == owner; i++)
            if (FromAttribute(occurrences.Values, i) is { Type: not FieldType.Nil } value)
                return value;
        return FieldValue.Nil;
    }

    /// <summary>
    /// The key's column in one filling of a batch, and where in it the last one asked for stands: mostly they are asked for in order.
    /// </summary>
    private struct KeyColumn
    {
        public SpanBatch? Batch;
        public int Filling;
        public AttributeOccurrences? Found;
        public int Next;
    }

    // Several values in a dedicated column are an array.
    internal static FieldValue FromDedicated(DedicatedColumn column, int owner)
    {
        var bits = column.Bits[column.Start[owner]];
        if (column.Start[owner + 1] - column.Start[owner] > 1)
        {
            var items = new AttributeColumns
            {
                Bits = [ArrayRef.Pack(column.Start[owner], column.Start[owner + 1] - column.Start[owner])],
                Items = column.Bits,
                Values = column.Values
            };
            return FieldValue.ArrayOf(items, 0, column.Type == AttributeType.String ? FieldType.String : FieldType.Int);
        }

        return column.Type == AttributeType.String ? FieldValue.Text(column.Values, (int)bits) : FieldValue.Number(FieldType.Int, bits);
    }

    internal static FieldValue FromAttribute(AttributeColumns attributes, int i) => attributes.Types[i] switch
    {
        AttributeType.String => FieldValue.Text(attributes.Values, (int)attributes.Bits[i]),
        AttributeType.Int => FieldValue.Number(FieldType.Int, attributes.Bits[i]),
        AttributeType.Double => FieldValue.Number(FieldType.Float, attributes.Bits[i]),
        AttributeType.Bool => FieldValue.Number(FieldType.Bool, attributes.Bits[i]),
        AttributeType.StringArray => FromArray(attributes, i, FieldType.String),
        AttributeType.IntArray => FromArray(attributes, i, FieldType.Int),
        AttributeType.DoubleArray => FromArray(attributes, i, FieldType.Float),
        AttributeType.BoolArray => FromArray(attributes, i, FieldType.Bool),
        _ => FieldValue.Nil,
    };

    // An array of one element behaves as its element.
    private static FieldValue FromArray(AttributeColumns attributes, int i, FieldType element)
    {
        var array = FieldValue.ArrayOf(attributes, i, element);
        return array.ElementCount == 1 ? array.Element(0) : array;
    }

    private FieldValue ReadIntrinsic(in SpanCursor span)
    {
        var batch = span.Batch;
        var row = span.Row;
        switch (Reference.Intrinsic)
        {
            case Intrinsic.Duration: return FieldValue.Number(FieldType.Duration, (long)Math.Min(batch.DurationNano[row], long.MaxValue));
            case Intrinsic.Name: return FieldValue.Text(batch.Name.Table, batch.Name.Codes[row]);
            case Intrinsic.Status:
                return FieldValue.Number(FieldType.Status, Known(batch.Status[row] & SpanBatch.StatusCodeMask, (int)TraceQlStatus.Error));
            case Intrinsic.StatusMessage: return FieldValue.Text(batch.StatusMessage.Table, batch.StatusMessage.Codes[row]);
            case Intrinsic.Kind: return FieldValue.Number(FieldType.Kind, Known(batch.Kind[row], (int)TraceQlKind.Consumer));
            case Intrinsic.SpanId: return Hex(batch.SpanId[row]);
            case Intrinsic.SpanParentId: return Hex(batch.ParentSpanId[row]);
            case Intrinsic.SpanStart: return FieldValue.Number(FieldType.Int, (long)Math.Min(batch.StartUnixNano[row], long.MaxValue));
            case Intrinsic.SpanEnd:
                return FieldValue.Number(FieldType.Int, (long)Math.Min(batch.StartUnixNano[row] + batch.DurationNano[row], long.MaxValue));
            case Intrinsic.TraceId: return ShortHex(batch.TraceIds[batch.Trace[row]]);
            case Intrinsic.InstrumentationName: return FieldValue.Text(batch.Scopes.Name.Table, batch.Scopes.Name.Codes[batch.Scope[row]]);
            case Intrinsic.InstrumentationVersion:
                return FieldValue.Text(batch.Scopes.Version.Table, batch.Scopes.Version.Codes[batch.Scope[row]]);
            case Intrinsic.EventName when span.Event >= 0:
                return FieldValue.Text(batch.Events.Name.Table, batch.Events.Name.Codes[span.Event]);
            case Intrinsic.EventTimeSinceStart when span.Event >= 0:
                return FieldValue.Number(FieldType.Duration, (long)batch.Events.TimeSinceStartNano[span.Event]);
            case Intrinsic.LinkSpanId when span.Link >= 0: return Hex(batch.Links.SpanId[span.Link]);
            case Intrinsic.LinkTraceId when span.Link >= 0: return Hex(batch.Links.TraceId[span.Link]);
            default: return ReadOfTrace(span);
        }
    }

    // A block from elsewhere may hold numbers that OTLP does not know; they are "unset" and "unspecified".
    private static int Known(int number, int last) => number <= last ? number : 0;

    private FieldValue ReadOfTrace(in SpanCursor span)
    {
        if (Reference.Intrinsic is Intrinsic.EventName or Intrinsic.EventTimeSinceStart or Intrinsic.LinkSpanId or Intrinsic.LinkTraceId)
            return FieldValue.Nil;
        if (span.Trace is not { } trace) return FieldValue.Unknown;
        return Reference.Intrinsic switch
        {
            Intrinsic.SpanChildCount => FieldValue.Number(FieldType.Int, trace.ChildCount[span.Index]),
            Intrinsic.NestedSetLeft => FieldValue.Number(FieldType.Int, trace.Left[span.Index]),
            Intrinsic.NestedSetRight => FieldValue.Number(FieldType.Int, trace.Right[span.Index]),
            Intrinsic.NestedSetParent => FieldValue.Number(FieldType.Int, trace.Parent[span.Index]),
            Intrinsic.TraceDuration =>
                FieldValue.Number(FieldType.Duration, (long)Math.Min(trace.EndUnixNano - trace.StartUnixNano, long.MaxValue)),
            Intrinsic.RootName => trace.Root < 0 ? FieldValue.Text([]) : RootName(trace),
            Intrinsic.RootServiceName => trace.Root < 0 ? FieldValue.Text([]) : RootService(trace),
            _ => FieldValue.Nil,
        };
    }

    private static FieldValue RootName(OrderedTrace trace)
    {
        var names = trace.Batch(trace.Root).Name;
        return FieldValue.Text(names.Table, names.Codes[trace.Spans[trace.Root].Span]);
    }

    private static FieldValue RootService(OrderedTrace trace)
    {
        var batch = trace.Batch(trace.Root);
        var names = batch.Resources.ServiceName;
        return FieldValue.Text(names.Table, names.Codes[batch.Resource[trace.Spans[trace.Root].Span]]);
    }

    private FieldValue Hex(ulong id)
    {
        WriteHex(id, _hex);
        return FieldValue.Text(_hex, 2 * SpanId.SizeBytes);
    }

    private FieldValue Hex(TraceId id)
    {
        WriteHex(id.High, _hex);
        WriteHex(id.Low, _hex.AsSpan(2 * SpanId.SizeBytes));
        return FieldValue.Text(_hex, 2 * TraceId.SizeBytes);
    }

    private FieldValue ShortHex(TraceId id)
    {
        Hex(id);
        var zeros = _hex.AsSpan().IndexOfAnyExcept((byte)'0');
        if (zeros < 0) zeros = _hex.Length - 1;
        _hex.AsSpan(zeros).CopyTo(_hex);
        return FieldValue.Text(_hex, _hex.Length - zeros);
    }

    private static void WriteHex(ulong id, Span<byte> digits)
    {
        for (var i = 2 * SpanId.SizeBytes - 1; i >= 0; i--, id >>= 4) digits[i] = "0123456789abcdef"u8[(int)(id & 15)];
    }
}
