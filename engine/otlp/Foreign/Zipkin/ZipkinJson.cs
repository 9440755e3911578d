using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>
/// A JSON array of spans (https://zipkin.io/zipkin-api/zipkin2-api.yaml), read once from front to back. Unknown members are
/// skipped, null is absent, members may come in any order. What v1 has of its own is in ZipkinJson.V1.cs.
/// </summary>
internal ref partial struct ZipkinJson(ReadOnlySpan<byte> json, ZipkinSpanWriter writer, bool isV1)
{
    /// <summary>Deepest JSON that is read; a span needs five levels, the rest is for members that are skipped.</summary>
    private const int MaxDepth = 64;

    private readonly ReadOnlySpan<byte> _json = json;
    private Utf8JsonReader _reader = new(json, new JsonReaderOptions { MaxDepth = MaxDepth });

    // Where the reader was set anew; its own places count from there.
    private int _readerStart;

    // Texts with escapes are unescaped here: names of members, a text that waits for another (a key for its value), the other.
    private byte[] _nameText = [];
    private byte[] _firstText = [];
    private byte[] _secondText = [];

    // An endpoint of v1 stands within an annotation whose own texts are still to be written.
    private byte[] _endpointName = [];
    private byte[] _endpointIp = [];

    /// <summary>Empty, or what is wrong, for the client.</summary>
    public string Read()
    {
        var error = ReadSpans();
        return error.Length == 0 ? error : Syntax() ?? error;
    }

    // That it is no JSON at all comes before what is wrong with its content, however early that stands.
    private readonly string? Syntax()
    {
        var reader = new Utf8JsonReader(_json, new JsonReaderOptions { MaxDepth = MaxDepth });
        try
        {
            while (reader.Read())
            {
            }

            return null;
        }
        catch (JsonException)
        {
            return GoJsonError.Describe(_json, (int)reader.BytesConsumed);
        }
    }

    private string ReadSpans()
    {
        try
        {
            if (!_reader.Read()) return GoJsonError.Describe(_json, _json.Length);
            if (_reader.TokenType == JsonTokenType.Null) return "";
            if (_reader.TokenType != JsonTokenType.StartArray) return Expected("an array of spans");
            while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
            {
                if (_reader.TokenType == JsonTokenType.Null) continue;
                writer.Begin();
                if (ReadSpan() is { Length: > 0 } error) return error;
                if (writer.End() is { Length: > 0 } full) return full;
            }

            // Read throws on anything but white space behind the array.
            _reader.Read();
            return "";
        }
        catch (JsonException)
        {
            return GoJsonError.Describe(_json, _readerStart + (int)_reader.BytesConsumed);
        }
        catch (InvalidOperationException)
        {
            // An escape names half a surrogate pair, or the text around the escapes is not UTF-8.
            return $"text that is not Unicode at byte {_readerStart + _reader.TokenStartIndex}";
        }
        finally
        {
            Return(_nameText);
            Return(_firstText);
            Return(_secondText);
            Return(_endpointName);
            Return(_endpointIp);
        }
    }

    private string ReadSpan()
    {
        if (_reader.TokenType != JsonTokenType.StartObject) return Expected("a span");
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Name();
            _reader.Read();
            if (_reader.TokenType == JsonTokenType.Null) continue;
            if (ReadMember(member) is { Length: > 0 } error) return error;
        }

        return "";
    }

    private string ReadMember(Member member)
    {
        switch (member)
        {
            case Member.TraceId or Member.Id or Member.ParentId: return ReadId(member);
            case Member.Name:
                if (_reader.TokenType != JsonTokenType.String) return Expected("name as a string");
                writer.Name(Text(ref _firstText));
                return "";
            case Member.Kind:
                if (_reader.TokenType != JsonTokenType.String) return Expected("kind as a string");
                writer.Kind(Text(ref _firstText));
                return "";
            case Member.Timestamp or Member.Duration:
                if (!TryNumber(out var micros))
                    return Expected($"{(member == Member.Timestamp ? "timestamp" : "duration")} in microseconds");
                if (member == Member.Timestamp) writer.Timestamp(micros);
                else writer.Duration(micros);
                return "";
            case Member.LocalEndpoint or Member.RemoteEndpoint:
                if (ReadEndpoint(out var endpoint) is { Length: > 0 } error) return error;
                if (member == Member.LocalEndpoint) writer.LocalEndpoint(endpoint);
                else writer.RemoteEndpoint(endpoint);
                return "";
            case Member.Annotations: return ReadList(isBinary: false);
            case Member.BinaryAnnotations when isV1: return ReadList(isBinary: true);
            case Member.Tags: return ReadTags();
            default:
                _reader.Skip();
                return "";
        }
    }

    private string ReadId(Member member)
    {
        if (_reader.TokenType != JsonTokenType.String) return Expected("an id in hex digits as a string");
        var text = Text(ref _firstText);
        if (text.IsEmpty && member == Member.ParentId) return "";
        if (isV1 && WrongLengthOfV1(member, text.Length) is { Length: > 0 } error) return error;
        if (!HexId.TryParse(text, out var high, out var low))
            return $"strconv.ParseUint: parsing {GoJsonError.Quote(text)}: {(text.Length > 32 ? "value out of range" : "invalid syntax")}";
        if (member == Member.TraceId)
        {
            writer.TraceId(new TraceId(high, low));
            return "";
        }

        if (high != 0) return $"strconv.ParseUint: parsing {GoJsonError.Quote(text)}: value out of range";
        if (member == Member.Id) writer.SpanId(low);
        else writer.ParentId(low);
        return "";
    }

    private string ReadEndpoint(out ZipkinEndpoint endpoint)
    {
        endpoint = default;
        if (_reader.TokenType != JsonTokenType.StartObject) return Expected("an endpoint");
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Name();
            _reader.Read();
            if (_reader.TokenType == JsonTokenType.Null) continue;
            switch (member)
            {
                case Member.ServiceName:
                    if (_reader.TokenType != JsonTokenType.String) return Expected("serviceName as a string");
                    endpoint.ServiceName = Text(ref _firstText);
                    break;
                case Member.Ipv4 or Member.Ipv6:
                    if (_reader.TokenType != JsonTokenType.String) return Expected("an address as a string");
                    if (member == Member.Ipv4 || endpoint.IpText.IsEmpty) endpoint.IpText = Text(ref _secondText);
                    break;
                case Member.Port:
                    if (!TryNumber(out var port) || port > ushort.MaxValue) return Expected("a port");
                    endpoint.Port = (int)port;
                    break;
                default:
                    _reader.Skip();
                    break;
            }
        }

        return "";
    }

    private string ReadTags()
    {
        if (_reader.TokenType != JsonTokenType.StartObject) return Expected("tags as an object");
        TakePlainTags();
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = Text(ref _firstText);
            _reader.Read();
            if (_reader.TokenType != JsonTokenType.String) return Expected("a tag with a string");
            writer.Tag(key, Text(ref _secondText));
        }

        return "";
    }

    private string ReadList(bool isBinary)
    {
        if (_reader.TokenType != JsonTokenType.StartArray) return Expected("an array of annotations");
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (_reader.TokenType != JsonTokenType.StartObject) return Expected("an annotation");
            if ((isBinary ? ReadBinaryAnnotation() : ReadAnnotation()) is { Length: > 0 } error) return error;
        }

        return "";
    }

    private string ReadAnnotation()
    {
        ulong time = 0;
        ReadOnlySpan<byte> value = default;
        ZipkinEndpoint endpoint = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Name();
            _reader.Read();
            if (_reader.TokenType == JsonTokenType.Null) continue;
            switch (member)
            {
                case Member.Timestamp:
                    if (!TryNumber(out time)) return Expected("timestamp in microseconds");
                    break;
                case Member.Value:
                    if (_reader.TokenType != JsonTokenType.String) return Expected("value as a string");
                    value = Text(ref _secondText);
                    break;
                case Member.Endpoint when isV1:
                    if (ReadEndpointOfV1(out endpoint) is { Length: > 0 } error) return error;
                    break;
                default:
                    _reader.Skip();
                    break;
            }
        }

        if (isV1) writer.Annotation1(time, value, endpoint);
        else writer.Annotation(time, value);
        return "";
    }

    // Whole numbers; also written as 1.5e15, which some clients do.
    private readonly bool TryNumber(out ulong value)
    {
        value = 0;
        if (_reader.TokenType != JsonTokenType.Number) return false;
        var text = _reader.ValueSpan;
        if (Utf8Parser.TryParse(text, out value, out var consumed) && consumed == text.Length) return true;
        if (!_reader.TryGetDouble(out var real) || real is not (>= 0 and < 18446744073709551616.0)) return false;
        value = (ulong)real;
        return true;
    }

    private readonly string Expected(string what) => $"{what} is expected at byte {_readerStart + _reader.TokenStartIndex}";

    /// <summary>The text of the token. Lives until the next one that is unescaped into the same place.</summary>
    private readonly ReadOnlySpan<byte> Text(scoped ref byte[] place)
    {
        if (!_reader.ValueIsEscaped) return _reader.ValueSpan;
        if (place.Length < _reader.ValueSpan.Length)
        {
            Return(place);
            place = ArrayPool<byte>.Shared.Rent(_reader.ValueSpan.Length);
        }

        return new ReadOnlySpan<byte>(place, 0, _reader.CopyString(place));
    }

    private static void Return(byte[] place)
    {
        if (place.Length > 0) ArrayPool<byte>.Shared.Return(place);
    }

    private Member Name()
    {
        var name = Text(ref _nameText);
        return name.Length switch
        {
            2 when name.SequenceEqual("id"u8) => Member.Id,
            3 when name.SequenceEqual("key"u8) => Member.Key,
            4 when name.SequenceEqual("name"u8) => Member.Name,
            4 when name.SequenceEqual("kind"u8) => Member.Kind,
            4 when name.SequenceEqual("tags"u8) => Member.Tags,
            4 when name.SequenceEqual("ipv4"u8) => Member.Ipv4,
            4 when name.SequenceEqual("ipv6"u8) => Member.Ipv6,
            4 when name.SequenceEqual("port"u8) => Member.Port,
            4 when name.SequenceEqual("type"u8) => Member.Type,
            5 when name.SequenceEqual("value"u8) => Member.Value,
            7 when name.SequenceEqual("traceId"u8) => Member.TraceId,
            8 when name.SequenceEqual("parentId"u8) => Member.ParentId,
            8 when name.SequenceEqual("duration"u8) => Member.Duration,
            8 when name.SequenceEqual("endpoint"u8) => Member.Endpoint,
            9 when name.SequenceEqual("timestamp"u8) => Member.Timestamp,
            11 when name.SequenceEqual("annotations"u8) => Member.Annotations,
            11 when name.SequenceEqual("serviceName"u8) => Member.ServiceName,
            13 when name.SequenceEqual("localEndpoint"u8) => Member.LocalEndpoint,
            14 when name.SequenceEqual("remoteEndpoint"u8) => Member.RemoteEndpoint,
            17 when name.SequenceEqual("binaryAnnotations"u8) => Member.BinaryAnnotations,
            _ => Member.Unknown,
        };
    }

    private enum Member : byte
    {
        Unknown, TraceId, Id, ParentId, Name, Kind, Timestamp, Duration, LocalEndpoint, RemoteEndpoint, Annotations, BinaryAnnotations,
        Tags, ServiceName, Ipv4, Ipv6, Port, Value, Endpoint, Key, Type,
    }
}
