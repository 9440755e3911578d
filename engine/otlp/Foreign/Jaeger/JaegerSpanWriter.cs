using System.Buffers.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Foreign.Jaeger;

/// <summary>Types of a tag, with the numbers of Thrift.</summary>
internal enum JaegerType
{
    Text = 0,
    Double = 1,
    Bool = 2,
    Long = 3,
    Binary = 4,
}

/// <summary>A tag as sent.</summary>
internal ref struct JaegerTag
{
    public ReadOnlySpan<byte> Key;
    public ReadOnlySpan<byte> Bytes;
    public JaegerType Type;
    public long Whole;
    public double Real;
    public bool Flag;
}

/// <summary>
/// One Jaeger span after the other as OTLP:
/// <code>
/// process          serviceName → resource service.name; tags → resource attributes
/// trace id         128 bits: high, low
/// references       the first child-of (else follows-from) of the same trace is the parent if no parent id is sent;
///                  all others → links with opentracing.ref_type
/// tags             span.kind → kind; error=true → status error; otel.status_code, otel.status_description → status;
///                  w3c.tracestate → trace state; otel.scope.name, otel.library.name … → scope. Those are taken out, all others
///                  → attributes of their type
/// logs             → events; the field event (a text) is the name, the others attributes
/// startTime        microseconds
/// </code>
/// </summary>
internal sealed class JaegerSpanWriter(OtlpBatchWriter batch) : IDisposable
{
    private const int ChildOf = 0;
    private const int StatusOk = 1, StatusError = 2;

    private readonly NativeBuffer _scope = new();
    private TraceId _traceId;
    private ulong _parentId;
    private ulong _childOfId;
    private ulong _followsFromId;
    private int _kind;
    private bool _isError;
    private int _statusCode;
    private byte[] _statusMessage = [];
    private byte[] _scopeName = [];
    private byte[] _scopeVersion = [];
    private readonly List<(int Type, TraceId Trace, ulong Span)> _references = [];

    public void Begin()
    {
        batch.BeginSpan();
        (_traceId, _parentId, _childOfId, _followsFromId, _kind, _isError, _statusCode) = (default, 0, 0, 0, 0, false, 0);
        _statusMessage = _scopeName = _scopeVersion = [];
        _references.Clear();
    }

    public void Ids(TraceId trace, ulong span, ulong parent)
    {
        (_traceId, _parentId) = (trace, parent);
        batch.Id(SpanTag.TraceId, trace);
        batch.Id(SpanTag.SpanId, span);
    }

    public void Name(ReadOnlySpan<byte> name) => batch.Writer.WriteBytes(SpanTag.Name, name);

    /// <summary>0 child of, 1 follows from.</summary>
    public void Reference(int type, TraceId trace, ulong span) => _references.Add((type, trace, span));

    public void Tag(in JaegerTag tag)
    {
        if (!TakeMeaning(tag)) Attribute(batch, SpanTag.Attributes, tag);
    }

    /// <summary>A log begins; <see cref="EndEvent"/> takes the mark.</summary>
    public int BeginEvent() => batch.Writer.BeginMessage(SpanTag.Events);

    /// <summary>A field of the log that was begun.</summary>
    public void EventField(in JaegerTag tag)
    {
        if (tag.Type == JaegerType.Text && tag.Key.SequenceEqual("event"u8)) batch.Writer.WriteBytes(EventTag.Name, tag.Bytes);
        else Attribute(batch, EventTag.Attributes, tag);
    }

    public void EndEvent(int mark, ulong timeNano)
    {
        batch.Writer.WriteFixed64(EventTag.TimeUnixNano, timeNano);
        batch.Writer.EndMessage(mark);
    }

    /// <summary>Ends the span. Empty, or why no further one may follow.</summary>
    public string End(ulong startNano, ulong durationNano, ReadOnlySpan<byte> resource)
    {
        WriteReferences();
        if (_parentId != 0) batch.Id(SpanTag.ParentSpanId, _parentId);
        if (_kind != 0) batch.Writer.WriteInt32(SpanTag.Kind, _kind);
        batch.Writer.WriteFixed64(SpanTag.StartTimeUnixNano, startNano);
        batch.Writer.WriteFixed64(
            SpanTag.EndTimeUnixNano, startNano > ulong.MaxValue - durationNano ? ulong.MaxValue : startNano + durationNano);
        batch.Status(_isError ? StatusError : _statusCode, _statusMessage);
        batch.EndSpan(resource, Scope());
        return batch.Full;
    }

    public void Dispose() => _scope.Dispose();

    /// <summary>An attribute of the tag's type.</summary>
    public static void Attribute(OtlpBatchWriter writer, uint at, in JaegerTag tag)
    {
        switch (tag.Type)
        {
            case JaegerType.Text: writer.Attribute(at, tag.Key, tag.Bytes); break;
            case JaegerType.Double: writer.Attribute(at, tag.Key, tag.Real); break;
            case JaegerType.Bool: writer.Attribute(at, tag.Key, tag.Flag); break;
            case JaegerType.Long: writer.Attribute(at, tag.Key, tag.Whole); break;
            default: writer.Attribute(at, tag.Key, AnyValueTag.BytesValue, tag.Bytes); break;
        }
    }

    /// <summary>Microseconds as nanoseconds; negative ones as 0.</summary>
    public static ulong Nanos(long micros) =>
        micros <= 0 ? 0 : (ulong)micros > ulong.MaxValue / 1000 ? ulong.MaxValue : (ulong)micros * 1000;

    private void WriteReferences()
    {
        if (_references.Count == 0) return;
        if (_parentId == 0)
        {
            var parent = _references.FindIndex(r => r.Type == ChildOf && r.Trace == _traceId);
            if (parent < 0) parent = _references.FindIndex(r => r.Trace == _traceId);
            if (parent >= 0) _parentId = _references[parent].Span;
        }

        var isParentSeen = false;
        foreach (var (type, trace, span) in _references)
        {
            // The parent is one of the references; once is enough.
            if (!isParentSeen && span == _parentId && trace == _traceId)
            {
                isParentSeen = true;
                continue;
            }

            var link = batch.Writer.BeginMessage(SpanTag.Links);
            batch.Id(LinkTag.TraceId, trace);
            batch.Id(LinkTag.SpanId, span);
            batch.Attribute(LinkTag.Attributes, "opentracing.ref_type"u8, type == ChildOf ? "child_of"u8 : "follows_from"u8);
            batch.Writer.EndMessage(link);
        }
    }

    // Tags that OTLP has a field for. True: it is not an attribute any more.
    private bool TakeMeaning(in JaegerTag tag)
    {
        switch (tag.Key.Length)
        {
            case 5 when tag.Key.SequenceEqual("error"u8):
                _isError |= tag.Type == JaegerType.Bool ? tag.Flag : tag.Type == JaegerType.Text && tag.Bytes.SequenceEqual("true"u8);
                return tag.Type == JaegerType.Bool && tag.Flag;
            case 9 when tag.Type == JaegerType.Text && tag.Key.SequenceEqual("span.kind"u8):
                _kind = KindOf(tag.Bytes);
                return true;
            case 14 when tag.Type == JaegerType.Text && tag.Key.SequenceEqual("w3c.tracestate"u8):
                batch.Writer.WriteBytes(SpanTag.TraceState, tag.Bytes);
                return true;
            case 15 when tag.Type == JaegerType.Text && tag.Key.SequenceEqual("otel.scope.name"u8):
            case 17 when tag.Type == JaegerType.Text && tag.Key.SequenceEqual("otel.library.name"u8):
                _scopeName = tag.Bytes.ToArray();
                return true;
            case 18 when tag.Type == JaegerType.Text && tag.Key.SequenceEqual("otel.scope.version"u8):
            case 20 when tag.Type == JaegerType.Text && tag.Key.SequenceEqual("otel.library.version"u8):
                _scopeVersion = tag.Bytes.ToArray();
                return true;
            case 16 when tag.Key.SequenceEqual("otel.status_code"u8):
                _statusCode = StatusOf(tag);
                return true;
            case 23 when tag.Type == JaegerType.Text && tag.Key.SequenceEqual("otel.status_description"u8):
                _statusMessage = tag.Bytes.ToArray();
                return true;
            default: return false;
        }
    }

    private static int KindOf(ReadOnlySpan<byte> name) => name.Length switch
    {
        6 when name.SequenceEqual("server"u8) => 2,
        6 when name.SequenceEqual("client"u8) => 3,
        8 when name.SequenceEqual("producer"u8) => 4,
        8 when name.SequenceEqual("consumer"u8) => 5,
        8 when name.SequenceEqual("internal"u8) => 1,
        _ => 0,
    };

    // Text in recent exporters, a number in early ones.
    private static int StatusOf(in JaegerTag tag) => tag.Type switch
    {
        JaegerType.Long => tag.Whole is StatusOk or StatusError ? (int)tag.Whole : 0,
        JaegerType.Text when tag.Bytes.SequenceEqual("OK"u8) => StatusOk,
        JaegerType.Text when tag.Bytes.SequenceEqual("ERROR"u8) => StatusError,
        JaegerType.Text when Utf8Parser.TryParse(tag.Bytes, out int code, out _) && code is StatusOk or StatusError => code,
        _ => 0,
    };

    private ReadOnlySpan<byte> Scope()
    {
        if (_scopeName.Length == 0 && _scopeVersion.Length == 0) return [];
        _scope.Clear();
        var writer = new ProtobufWriter(_scope);
        writer.WriteBytes(InstrumentationScopeTag.Name, _scopeName);
        if (_scopeVersion.Length > 0) writer.WriteBytes(InstrumentationScopeTag.Version, _scopeVersion);
        return _scope.Written;
    }
}
