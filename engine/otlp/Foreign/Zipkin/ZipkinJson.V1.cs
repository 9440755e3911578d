using System.Buffers.Text;
using System.Text.Json;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

// Version 1 (https://zipkin.io/zipkin-api/zipkin-api.yaml): annotations with endpoints, and binary annotations instead of tags.
internal ref partial struct ZipkinJson
{
    private static string WrongLengthOfV1(Member member, int length) => member switch
    {
        Member.TraceId when length is not (16 or 32) => "zipkinV1 span traceId: hex traceId span has wrong length (expected 16 or 32)",
        Member.Id when length != 16 => "zipkinV1 span id: hex Id has wrong length (expected 16)",
        Member.ParentId when length != 16 => "zipkinV1 span parentId: hex Id has wrong length (expected 16)",
        _ => "",
    };

    private string ReadEndpointOfV1(out ZipkinEndpoint endpoint)
    {
        var (first, second) = (_firstText, _secondText);
        (_firstText, _secondText) = (_endpointName, _endpointIp);
        var error = ReadEndpoint(out endpoint);
        (_endpointName, _endpointIp) = (_firstText, _secondText);
        (_firstText, _secondText) = (first, second);
        return error;
    }

    // The value's type may stand behind it, so the value is only pointed at until the annotation ends.
    private string ReadBinaryAnnotation()
    {
        ReadOnlySpan<byte> key = default, value = default;
        var token = JsonTokenType.Null;
        var type = "STRING";
        ZipkinEndpoint endpoint = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Name();
            _reader.Read();
            switch (member)
            {
                case Member.Key:
                    if (_reader.TokenType != JsonTokenType.String) return Expected("key as a string");
                    key = Text(ref _firstText);
                    break;
                case Member.Value when _reader.TokenType is JsonTokenType.String or JsonTokenType.Number or JsonTokenType.True
                    or JsonTokenType.False:
                    token = _reader.TokenType;
                    value = token == JsonTokenType.String ? Text(ref _secondText) : _reader.ValueSpan;
                    break;
                case Member.Type when _reader.TokenType == JsonTokenType.String:
                    type = TypeName();
                    break;
                case Member.Endpoint when _reader.TokenType != JsonTokenType.Null:
                    if (ReadEndpointOfV1(out endpoint) is { Length: > 0 } error) return error;
                    break;
                default:
                    _reader.Skip();
                    break;
            }
        }

        if (ZipkinThrift.IsAddress(key) && token is JsonTokenType.True or JsonTokenType.False)
        {
            writer.RemoteEndpoint(endpoint);
            return "";
        }

        writer.FallbackService(endpoint.ServiceName);
        Write(key, token, value, type);
        return "";
    }

    private readonly void Write(ReadOnlySpan<byte> key, JsonTokenType token, ReadOnlySpan<byte> value, string type)
    {
        switch (token)
        {
            case JsonTokenType.Null: return;
            case JsonTokenType.True or JsonTokenType.False:
                writer.Tag(key, token == JsonTokenType.True);
                return;
            case JsonTokenType.Number or JsonTokenType.String when token == JsonTokenType.Number || type is "I16" or "I32" or "I64":
                if (Utf8Parser.TryParse(value, out long whole, out var used) && used == value.Length) writer.Tag(key, whole);
                else if (Utf8Parser.TryParse(value, out double real, out used) && used == value.Length) writer.Tag(key, real);
                else writer.Tag(key, value);
                return;
            case JsonTokenType.String when type == "DOUBLE" && Utf8Parser.TryParse(value, out double number, out var length)
                && length == value.Length:
                writer.Tag(key, number);
                return;
            case JsonTokenType.String when type == "BOOL":
                writer.Tag(key, value.SequenceEqual("true"u8));
                return;
            default:
                writer.Tag(key, value);
                return;
        }
    }

    private readonly string TypeName() =>
        _reader.ValueTextEquals("I16"u8) ? "I16" : _reader.ValueTextEquals("I32"u8) ? "I32" : _reader.ValueTextEquals("I64"u8) ? "I64"
        : _reader.ValueTextEquals("DOUBLE"u8) ? "DOUBLE" : _reader.ValueTextEquals("BOOL"u8) ? "BOOL" : "STRING";
}
