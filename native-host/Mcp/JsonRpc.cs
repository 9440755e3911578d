using System.Buffers;
using System.Text.Json;

namespace Tempo.Host.Mcp;

/// <summary>Messages of JSON-RPC 2.0 (https://www.jsonrpc.org/specification).</summary>
internal static class JsonRpc
{
    public const int ParseError = -32700;
    public const int InvalidRequest = -32600;
    public const int MethodNotFound = -32601;
    public const int InvalidParams = -32602;

    /// <summary>An answer with a result, which <paramref name="writeResult"/> writes as one value.</summary>
    public static void WriteResult(IBufferWriter<byte> output, JsonElement id, Action<Utf8JsonWriter> writeResult)
    {
        using var json = Begin(output, id);
        json.WritePropertyName("result");
        writeResult(json);
        json.WriteEndObject();
    }

    /// <summary>An answer that is an error; an undefined id is null.</summary>
    public static void WriteError(IBufferWriter<byte> output, JsonElement id, int code, string message)
    {
        using var json = Begin(output, id);
        json.WriteStartObject("error");
        json.WriteNumber("code", code);
        json.WriteString("message", message);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static Utf8JsonWriter Begin(IBufferWriter<byte> output, JsonElement id)
    {
        var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("jsonrpc", "2.0");
        json.WritePropertyName("id");
        if (id.ValueKind is JsonValueKind.String or JsonValueKind.Number) id.WriteTo(json);
        else json.WriteNullValue();
        return json;
    }
}
