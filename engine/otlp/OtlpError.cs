using System.Globalization;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp;

/// <summary>What is wrong with a request.</summary>
public enum OtlpErrorKind : byte
{
    None = 0,

    /// <summary>A field, or the length that it claims, reaches beyond the message it lies in.</summary>
    Truncated,

    /// <summary>A varint without an end in its first ten bytes.</summary>
    VarintTooLong,

    /// <summary>A tag with field number 0 or above 2^29 - 1.</summary>
    IllegalFieldNumber,

    /// <summary>Wire type 6 or 7, which do not exist.</summary>
    IllegalWireType,

    /// <summary>A known field in another wire type than its own.</summary>
    UnexpectedWireType,

    /// <summary>A group ends that was not begun, or another one than the innermost.</summary>
    UnmatchedEndGroup,

    /// <summary>Unknown groups nested deeper than <see cref="ProtobufReader.MaxGroupDepth"/>.</summary>
    GroupTooDeep,

    /// <summary>Not JSON, or JSON nested too deep, or something behind the value.</summary>
    InvalidJson,

    /// <summary>A JSON value of another type than its field takes, or out of the range of it.</summary>
    InvalidJsonValue,
}

/// <summary>Why a request was refused and where. Costs nothing until the text is asked for.</summary>
public readonly struct OtlpError
{
    private readonly string? _text;
    private readonly ulong _found;
    private readonly int _left;

    /// <param name="kind">What is wrong.</param>
    /// <param name="offset">Byte of the request where the offending item starts.</param>
    /// <param name="found">The offending tag, number or length.</param>
    /// <param name="left">Bytes that were left for it.</param>
    internal OtlpError(OtlpErrorKind kind, int offset, ulong found, int left)
    {
        Kind = kind;
        Offset = offset;
        _found = found;
        _left = left;
    }

    /// <param name="kind">What is wrong.</param>
    /// <param name="offset">Byte of the request where the offending item starts.</param>
    /// <param name="text">What was read and what was expected, without the position.</param>
    internal OtlpError(OtlpErrorKind kind, int offset, string text)
    {
        Kind = kind;
        Offset = offset;
        _text = text;
    }

    /// <summary><see cref="OtlpErrorKind.None"/> if nothing is wrong.</summary>
    public OtlpErrorKind Kind { get; }

    /// <summary>Byte of the request where the offending item starts.</summary>
    public int Offset { get; }

    /// <summary>One English sentence with position, value and limit. Carries none of the request's own text.</summary>
    public string Message => Kind switch
    {
        OtlpErrorKind.None => "no error",
        OtlpErrorKind.Truncated => Text($"truncated message at byte {Offset}: length {_found}, {_left} left"),
        OtlpErrorKind.VarintTooLong => Text($"varint at byte {Offset} is longer than {Varint.MaxSizeBytes} bytes"),
        OtlpErrorKind.IllegalFieldNumber =>
            Text($"illegal field number {_found >> WireType.NumberShift} at byte {Offset}: must be 1 to {WireType.MaxFieldNumber}"),
        OtlpErrorKind.IllegalWireType => Text($"illegal wire type {_found & WireType.Mask} at byte {Offset}"),
        OtlpErrorKind.UnexpectedWireType =>
            Text($"field {_found >> WireType.NumberShift} at byte {Offset} has the wrong wire type {_found & WireType.Mask}"),
        OtlpErrorKind.UnmatchedEndGroup =>
            Text($"end of group {_found >> WireType.NumberShift} at byte {Offset} does not match its start"),
        OtlpErrorKind.GroupTooDeep => Text($"groups at byte {Offset} are nested deeper than {ProtobufReader.MaxGroupDepth}"),
        _ => Text($"{_text} at byte {Offset}"),
    };

    public override string ToString() => Message;

    private static string Text(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
