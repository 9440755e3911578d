using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Net;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>
/// One Zipkin span after the other as OTLP:
/// <code>
/// localEndpoint   serviceName → resource service.name; address and port → net.host.ip, net.host.port
/// remoteEndpoint  → peer.service, net.peer.ip (text), net.peer.port (integer)
/// kind            → kind; none → unspecified
/// annotations     → events; those of v1 that name an edge (cs, sr …) → kind and times
/// tags            → attributes (text, or what the text says if tags are parsed); error is kept and sets the status to error;
///                 otel.status_code → status
/// timestamp       microseconds; without one the first annotation, else now and otel.zipkin.absentField.startTime
/// shared, debug   nothing: a span is known by its id and its kind
/// </code>
/// Fields are given in any order between <see cref="Begin"/> and <see cref="End"/>.
/// </summary>
internal sealed class ZipkinSpanWriter(OtlpBatchWriter batch, ulong nowUnixNano, bool parsesTags = false) : IDisposable
{
    private const int Server = 2, Client = 3, Producer = 4, Consumer = 5;
    private const int StatusOk = 1, StatusError = 2;
    private static readonly SearchValues<byte> DigitsAndPoint = SearchValues.Create("0123456789."u8);

    private readonly NativeBuffer _resource = new();
    private byte[] _service = new byte[64];
    private int _serviceLength;
    private bool _hasOwnService;
    private int _kind;
    private ulong _startMicros;
    private ulong _durationMicros;
    private ulong _firstMicros;
    private ulong _edgeStartMicros;
    private ulong _edgeEndMicros;
    private int _status;
    private byte[] _statusMessage = [];

    public void Begin()
    {
        batch.BeginSpan();
        _serviceLength = 0;
        _hasOwnService = false;
        _kind = 0;
        _startMicros = _durationMicros = _edgeStartMicros = _edgeEndMicros = 0;
        _firstMicros = ulong.MaxValue;
        _status = 0;
        _statusMessage = [];
    }

    public void TraceId(TraceId id) => batch.Id(SpanTag.TraceId, id);

    public void SpanId(ulong id) => batch.Id(SpanTag.SpanId, id);

    /// <summary>0 is none.</summary>
    public void ParentId(ulong id)
    {
        if (id != 0) batch.Id(SpanTag.ParentSpanId, id);
    }

    public void Name(ReadOnlySpan<byte> name) => batch.Writer.WriteBytes(SpanTag.Name, name);

    /// <summary>The kind's name; an unknown one is none.</summary>
    public void Kind(ReadOnlySpan<byte> name)
    {
        if (name.SequenceEqual("CLIENT"u8)) _kind = Client;
        else if (name.SequenceEqual("SERVER"u8)) _kind = Server;
        else if (name.SequenceEqual("PRODUCER"u8)) _kind = Producer;
        else if (name.SequenceEqual("CONSUMER"u8)) _kind = Consumer;
    }

    /// <summary>The kind's number in zipkin.proto.</summary>
    public void Kind(uint number) => _kind = number switch
    {
        1 => Client,
        2 => Server,
        3 => Producer,
        4 => Consumer,
        _ => 0,
    };

    public void Timestamp(ulong micros) => _startMicros = micros;

    public void Duration(ulong micros) => _durationMicros = micros;

    public void LocalEndpoint(in ZipkinEndpoint endpoint)
    {
        Service(endpoint.ServiceName, isOwn: true);
        Address("net.host.ip"u8, "net.host.port"u8, endpoint);
    }

    public void RemoteEndpoint(in ZipkinEndpoint endpoint)
    {
        if (!endpoint.ServiceName.IsEmpty) batch.Attribute(SpanTag.Attributes, "peer.service"u8, endpoint.ServiceName);
        Address("net.peer.ip"u8, "net.peer.port"u8, endpoint);
    }

    public void Annotation(ulong micros, ReadOnlySpan<byte> value)
    {
        if (micros > 0) _firstMicros = Math.Min(_firstMicros, micros);
        var item = batch.Writer.BeginMessage(SpanTag.Events);
        batch.Writer.WriteFixed64(EventTag.TimeUnixNano, Nanos(micros));
        batch.Writer.WriteBytes(EventTag.Name, value);
        batch.Writer.EndMessage(item);
    }

    /// <summary>An annotation of v1, which may say where the span begins and ends; its endpoint names the service.</summary>
    public void Annotation1(ulong micros, ReadOnlySpan<byte> value, in ZipkinEndpoint endpoint)
    {
        if (!IsEdge(value, out var kind, out var isStart))
        {
            Service(endpoint.ServiceName, isOwn: false);
            Annotation(micros, value);
            return;
        }

        Service(endpoint.ServiceName, isOwn: true);
        if (_kind == 0) _kind = kind;
        if (isStart && _edgeStartMicros == 0) _edgeStartMicros = micros;
        if (!isStart) _edgeEndMicros = micros;
        if (micros > 0) _firstMicros = Math.Min(_firstMicros, micros);
    }

    /// <summary>The endpoint of a binary annotation of v1: the service, if nothing says it better.</summary>
    public void FallbackService(ReadOnlySpan<byte> name) => Service(name, isOwn: false);

    public void Tag(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.SequenceEqual("error"u8))
        {
            _status = StatusError;
        }
        else if (key.SequenceEqual("otel.status_code"u8))
        {
            if (_status != StatusError) _status = value.SequenceEqual("OK"u8) ? StatusOk : value.SequenceEqual("ERROR"u8) ? StatusError : 0;
            return;
        }
        else if (key.SequenceEqual("otel.status_description"u8))
        {
            _statusMessage = value.ToArray();
            return;
        }

        if (!parsesTags || !TryParsedTag(key, value)) batch.Attribute(SpanTag.Attributes, key, value);
    }

    // Digits, digits with a point, true and false; nothing else is meant as one.
    private bool TryParsedTag(ReadOnlySpan<byte> key, ReadOnlySpan<byte> text)
    {
        const int longestNumber = 40;
        if (text.IsEmpty || text.Length > longestNumber) return false;
        if (Ascii.EqualsIgnoreCase(text, "true"u8) || Ascii.EqualsIgnoreCase(text, "false"u8))
        {
            batch.Attribute(SpanTag.Attributes, key, (text[0] | 0x20) == 't');
            return true;
        }

        var digits = text[0] == '-' ? text[1..] : text;
        if (digits.IsEmpty || digits[0] == '.' || digits[^1] == '.' || digits.ContainsAnyExcept(DigitsAndPoint)) return false;
        if (Utf8Parser.TryParse(text, out long whole, out var consumed) && consumed == text.Length)
        {
            batch.Attribute(SpanTag.Attributes, key, whole);
            return true;
        }

        if (!digits.Contains((byte)'.') || !Utf8Parser.TryParse(text, out double real, out consumed) || consumed != text.Length)
            return false;
        batch.Attribute(SpanTag.Attributes, key, real);
        return true;
    }

    public void Tag(ReadOnlySpan<byte> key, long value) => batch.Attribute(SpanTag.Attributes, key, value);

    public void Tag(ReadOnlySpan<byte> key, bool value)
    {
        if (key.SequenceEqual("error"u8) && value) _status = StatusError;
        batch.Attribute(SpanTag.Attributes, key, value);
    }

    public void Tag(ReadOnlySpan<byte> key, double value) => batch.Attribute(SpanTag.Attributes, key, value);

    public void TagBytes(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        batch.Attribute(SpanTag.Attributes, key, AnyValueTag.BytesValue, value);

    /// <summary>Ends the span. Empty, or why no further one may follow.</summary>
    public string End()
    {
        if (_startMicros == 0 && _edgeStartMicros > 0) _startMicros = _edgeStartMicros;
        if (_durationMicros == 0 && _edgeEndMicros > _startMicros && _edgeStartMicros > 0) _durationMicros = _edgeEndMicros - _startMicros;
        ulong start;
        if (_startMicros > 0)
        {
            start = Nanos(_startMicros);
        }
        else if (_firstMicros != ulong.MaxValue)
        {
            start = Nanos(_firstMicros);
        }
        else
        {
            start = nowUnixNano;
            batch.Attribute(SpanTag.Attributes, "otel.zipkin.absentField.startTime"u8, true);
        }

        var duration = Nanos(_durationMicros);
        if (_kind != 0) batch.Writer.WriteInt32(SpanTag.Kind, _kind);
        batch.Writer.WriteFixed64(SpanTag.StartTimeUnixNano, start);
        batch.Writer.WriteFixed64(SpanTag.EndTimeUnixNano, start > ulong.MaxValue - duration ? ulong.MaxValue : start + duration);
        batch.Status(_status, _statusMessage);
        batch.EndSpan(Resource(), []);
        return batch.Full;
    }

    public void Dispose() => _resource.Dispose();

    // Resource { attributes: [service.name] }
    private ReadOnlySpan<byte> Resource()
    {
        _resource.Clear();
        if (_serviceLength == 0) return [];
        var writer = new ProtobufWriter(_resource);
        var attribute = writer.BeginMessage(ResourceTag.Attributes);
        writer.WriteBytes(KeyValueTag.Key, "service.name"u8);
        var value = writer.BeginMessage(KeyValueTag.Value);
        writer.WriteBytes(AnyValueTag.StringValue, _service.AsSpan(0, _serviceLength));
        writer.EndMessage(value);
        writer.EndMessage(attribute);
        return _resource.Written;
    }

    private void Service(ReadOnlySpan<byte> name, bool isOwn)
    {
        if (name.IsEmpty || _hasOwnService || (!isOwn && _serviceLength > 0)) return;
        _hasOwnService = isOwn;
        if (_service.Length < name.Length) _service = new byte[name.Length * 2];
        name.CopyTo(_service);
        _serviceLength = name.Length;
    }

    private void Address(ReadOnlySpan<byte> ipKey, ReadOnlySpan<byte> portKey, in ZipkinEndpoint endpoint)
    {
        if (!endpoint.IpText.IsEmpty)
        {
            batch.Attribute(SpanTag.Attributes, ipKey, endpoint.IpText);
        }
        else if (endpoint.Ipv4 != 0 || endpoint.IpBytes.Length is 4 or 16)
        {
            Span<byte> text = stackalloc byte[64];
            var ip = endpoint.Ipv4 != 0
                ? new IPAddress(BinaryPrimitives.ReverseEndianness(endpoint.Ipv4))
                : new IPAddress(endpoint.IpBytes);
            ip.TryFormat(text, out var length);
            batch.Attribute(SpanTag.Attributes, ipKey, text[..length]);
        }

        if (endpoint.Port > 0) batch.Attribute(SpanTag.Attributes, portKey, endpoint.Port);
    }

    private static bool IsEdge(ReadOnlySpan<byte> value, out int kind, out bool isStart)
    {
        (kind, isStart) = (0, false);
        if (value.Length != 2) return false;
        (kind, isStart) = (value[0], value[1]) switch
        {
            ((byte)'c', (byte)'s') => (Client, true),
            ((byte)'c', (byte)'r') => (Client, false),
            ((byte)'s', (byte)'r') => (Server, true),
            ((byte)'s', (byte)'s') => (Server, false),
            ((byte)'m', (byte)'s') => (Producer, true),
            ((byte)'m', (byte)'r') => (Consumer, true),
            _ => (0, false),
        };
        return kind != 0;
    }

    private static ulong Nanos(ulong micros) => micros > ulong.MaxValue / 1000 ? ulong.MaxValue : micros * 1000;
}
