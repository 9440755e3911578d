using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Json;

/// <summary>How a field looks in JSON.</summary>
internal enum JsonFieldKind : byte
{
    String,

    /// <summary>Bytes. Hex of exactly 16, or empty, in OTLP/JSON; base64 in answers.</summary>
    TraceId,

    /// <summary>Bytes. Hex of exactly 8, or empty, in OTLP/JSON; base64 in answers.</summary>
    SpanId,

    /// <summary>Base64 on both sides.</summary>
    Bytes,

    /// <summary>A number in OTLP/JSON, a name in answers.</summary>
    Enum,
    UInt32,
    Fixed32,

    /// <summary>Number or string in OTLP/JSON, string in answers.</summary>
    Fixed64,
    Int64,
    Double,
    Bool,
    Message,
    RepeatedMessage,
}

/// <summary>One field of a message: its protobuf tag and its JSON name and look.</summary>
/// <param name="name">lowerCamelCase.</param>
/// <param name="tag">The one tag it has on the wire.</param>
/// <param name="kind">How it looks.</param>
/// <param name="message">The inner message, for the two message kinds.</param>
/// <param name="enumNames">Names of the values 0, 1, 2 and so on, for enums.</param>
internal sealed class JsonField(string name, uint tag, JsonFieldKind kind, JsonMessage? message = null, string[]? enumNames = null)
{
    private readonly byte[] _name = System.Text.Encoding.UTF8.GetBytes(name);
    private readonly byte[][] _enumNames = Array.ConvertAll(enumNames ?? [], System.Text.Encoding.UTF8.GetBytes);

    public string Name { get; } = name;
    public ReadOnlySpan<byte> NameUtf8 => _name;
    public uint Tag { get; } = tag;
    public int Number { get; } = (int)(tag >> WireType.NumberShift);
    public JsonFieldKind Kind { get; } = kind;

    /// <summary>Of the two message kinds only.</summary>
    public JsonMessage Message { get; } = message ?? JsonMessage.None;

    /// <summary>Read but never written: what Tempo does not give back either.</summary>
    public bool IsInputOnly { get; init; }

    /// <summary>False if the enumeration does not know <paramref name="value"/>.</summary>
    public bool TryGetEnumName(int value, out ReadOnlySpan<byte> enumName)
    {
        var isKnown = (uint)value < (uint)_enumNames.Length;
        enumName = isKnown ? _enumNames[value] : default;
        return isKnown;
    }
}
