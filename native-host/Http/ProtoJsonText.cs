using System.Buffers;
using System.Text;
using Tempo.Engine.Otlp.Json;

namespace Tempo.Host.Http;

/// <summary>Strings for <see cref="ProtoJsonWriter"/>, whose own callers have bytes already.</summary>
internal static class ProtoJsonText
{
    /// <summary>Writes a string value; lone surrogates become U+FFFD.</summary>
    public static void WriteText(this ref ProtoJsonWriter json, string text) => json.WriteString(Encoding.UTF8.GetBytes(text));

    /// <summary>The key of a map, which may hold anything, where names of messages need no escaping.</summary>
    public static void WriteMapKey(this ref ProtoJsonWriter json, string key)
    {
        var escaped = new ArrayBufferWriter<byte>();
        new ProtoJsonWriter(escaped).WriteString(Encoding.UTF8.GetBytes(key));
        json.WriteName(escaped.WrittenSpan[1..^1]);
    }
}
