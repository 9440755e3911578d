using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Foreign;

/// <summary>
/// Writes spans of other formats, and the process's own, as an OTLP request, straight into the request's buffer, in the order in which
/// their fields come: protobuf does not care. Which resource a span belongs to is known only at its end, so the resource is written behind
/// the spans of its group; a span that turns out to be of another group than the one before is moved once.
/// One writer for one request; not thread safe.
/// </summary>
/// <param name="output">Gets the request.</param>
/// <param name="bodyBytes">Of the body that is transcoded; 0: what is written is bounded otherwise.</param>
public sealed class OtlpBatchWriter(NativeBuffer output, int bodyBytes = 0) : IDisposable
{
    /// <summary>
    /// Bytes of the length of a span as it usually is, 128 B to 16 KiB, and of a group of spans, which in a body of some size is nearly the
    /// whole of it: what turns out otherwise is moved by a byte or two.
    /// </summary>
    private const int SpanLengthBytes = 2;
    private const int LargeBodyBytes = 16 << 10;

    private readonly ProtobufWriter _writer = new(output);
    private readonly NativeBuffer _moved = new();
    private byte[] _resource = [];
    private byte[] _scope = [];
    private int _resourceSpans;
    private int _scopeSpans;
    private int _spanStart;
    private int _span;
    private bool _isOpen;
    private bool _isNamed;

    // Spans that say nothing take a byte or three in a body and some seventy here, and a long resource is written again for each
    // change of scope: memory must follow what was sent.
    private readonly long _maxBytes = bodyBytes == 0 ? long.MaxValue : 8L * bodyBytes + (1 << 20);
    private readonly int _groupLengthBytes = bodyBytes > LargeBodyBytes ? 3 : SpanLengthBytes;

    /// <summary>Empty while there is room; looked at after each span.</summary>
    public string Full => output.Length <= _maxBytes ? "" : $"the spans take more than {_maxBytes} bytes as OTLP";

    /// <summary>For fields of the span that was begun.</summary>
    public ProtobufWriter Writer => _writer;

    public void BeginSpan()
    {
        if (!_isOpen) OpenGroup();
        _spanStart = output.Length;
        _span = _writer.BeginMessage(ScopeSpansTag.Spans, SpanLengthBytes);
    }

    /// <summary>Ends the span and puts it under these messages (Resource, InstrumentationScope; either may be empty).</summary>
    public void EndSpan(ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope)
    {
        _writer.EndMessage(_span, SpanLengthBytes);
        if (_isNamed)
        {
            if (resource.SequenceEqual(_resource) && scope.SequenceEqual(_scope)) return;
            _moved.Clear();
            _moved.Append(output.Written[_spanStart..]);
            output.Truncate(_spanStart);
            CloseGroup();
            OpenGroup();
            output.Append(_moved.Written);
        }

        _isNamed = true;
        _resource = resource.ToArray();
        _scope = scope.ToArray();
    }

    /// <summary>Ends the request.</summary>
    public void Complete()
    {
        if (_isOpen) CloseGroup();
    }

    public void Dispose() => _moved.Dispose();

    /// <summary>An attribute (of whatever message is open) with a text.</summary>
    public void Attribute(uint tag, ReadOnlySpan<byte> key, ReadOnlySpan<byte> text) => Attribute(tag, key, AnyValueTag.StringValue, text);

    /// <summary>An attribute with a text or bytes: <paramref name="kind"/> is the tag within AnyValue.</summary>
    public void Attribute(uint tag, ReadOnlySpan<byte> key, uint kind, ReadOnlySpan<byte> content)
    {
        var valueLength = 1 + Varint.SizeBytes((uint)content.Length) + content.Length;
        var at = BeginAttribute(tag, key, valueLength, out var span);
        span[at++] = (byte)kind;
        at += Varint.Encode(span[at..], (uint)content.Length);
        content.CopyTo(span[at..]);
        output.Advance(at + content.Length);
    }

    public void Attribute(uint tag, ReadOnlySpan<byte> key, long value)
    {
        var at = BeginAttribute(tag, key, 1 + Varint.SizeBytes((ulong)value), out var span);
        span[at++] = (byte)AnyValueTag.IntValue;
        at += Varint.Encode(span[at..], (ulong)value);
        output.Advance(at);
    }

    public void Attribute(uint tag, ReadOnlySpan<byte> key, bool value)
    {
        var at = BeginAttribute(tag, key, 2, out var span);
        span[at++] = (byte)AnyValueTag.BoolValue;
        span[at++] = value ? (byte)1 : (byte)0;
        output.Advance(at);
    }

    public void Attribute(uint tag, ReadOnlySpan<byte> key, double value)
    {
        var at = BeginAttribute(tag, key, 1 + sizeof(double), out var span);
        span[at++] = (byte)AnyValueTag.DoubleValue;
        BinaryPrimitives.WriteDoubleLittleEndian(span[at..], value);
        output.Advance(at + sizeof(double));
    }

    /// <summary>An id of eight bytes, or of sixteen.</summary>
    public void Id(uint tag, ulong id)
    {
        Span<byte> bytes = stackalloc byte[SpanId.SizeBytes];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, id);
        _writer.WriteBytes(tag, bytes);
    }

    public void Id(uint tag, TraceId id)
    {
        Span<byte> bytes = stackalloc byte[TraceId.SizeBytes];
        id.Write(bytes);
        _writer.WriteBytes(tag, bytes);
    }

    /// <summary>The Status of a span; nothing for unset.</summary>
    public void Status(int code, ReadOnlySpan<byte> message)
    {
        if (code == 0 && message.IsEmpty) return;
        var status = _writer.BeginMessage(SpanTag.Status);
        if (!message.IsEmpty) _writer.WriteBytes(StatusTag.Message, message);
        if (code != 0) _writer.WriteInt32(StatusTag.Code, code);
        _writer.EndMessage(status);
    }

    // Everything but the inner value: KeyValue { key, value: AnyValue { … } } with all lengths known.
    private int BeginAttribute(uint tag, ReadOnlySpan<byte> key, int valueLength, out Span<byte> span)
    {
        var length = 1 + Varint.SizeBytes((uint)key.Length) + key.Length + 1 + Varint.SizeBytes((uint)valueLength) + valueLength;
        span = output.GetSpan(length + 2 * Varint.MaxSizeBytes);
        var at = Varint.Encode(span, tag);
        at += Varint.Encode(span[at..], (uint)length);
        span[at++] = (byte)KeyValueTag.Key;
        at += Varint.Encode(span[at..], (uint)key.Length);
        key.CopyTo(span[at..]);
        at += key.Length;
        span[at++] = (byte)KeyValueTag.Value;
        return at + Varint.Encode(span[at..], (uint)valueLength);
    }

    private void OpenGroup()
    {
        _isOpen = true;
        _isNamed = false;
        _resourceSpans = _writer.BeginMessage(TracesDataTag.ResourceSpans, _groupLengthBytes);
        _scopeSpans = _writer.BeginMessage(ResourceSpansTag.ScopeSpans, _groupLengthBytes);
    }

    private void CloseGroup()
    {
        if (_scope.Length > 0) _writer.WriteBytes(ScopeSpansTag.Scope, _scope);
        _writer.EndMessage(_scopeSpans, _groupLengthBytes);
        if (_resource.Length > 0) _writer.WriteBytes(ResourceSpansTag.Resource, _resource);
        _writer.EndMessage(_resourceSpans, _groupLengthBytes);
        _isOpen = false;
    }
}
