using System.Diagnostics;

namespace Tempo.Engine.TraceQL.Ast;

/// <summary>A literal value: a type and its 64 bits, or a string. The default is nil.</summary>
public readonly struct TraceQlValue : IEquatable<TraceQlValue>
{
    private readonly long _bits;
    private readonly string? _text;

    private TraceQlValue(TraceQlType type, long bits, string? text = null)
    {
        Type = type;
        _bits = bits;
        _text = text;
    }

    public static TraceQlValue Nil => default;

    public TraceQlType Type { get; }

    public static TraceQlValue Int(long value) => new(TraceQlType.Int, value);

    public static TraceQlValue Float(double value) => new(TraceQlType.Float, BitConverter.DoubleToInt64Bits(value));

    public static TraceQlValue String(string value) => new(TraceQlType.String, 0, value);

    public static TraceQlValue Bool(bool value) => new(TraceQlType.Bool, value ? 1 : 0);

    public static TraceQlValue Duration(long nanoseconds) => new(TraceQlType.Duration, nanoseconds);

    public static TraceQlValue Status(TraceQlStatus value) => new(TraceQlType.Status, (long)value);

    public static TraceQlValue Kind(TraceQlKind value) => new(TraceQlType.Kind, (long)value);

    public bool IsNil => Type == TraceQlType.Nil;

    /// <summary>The value of an int.</summary>
    public long AsInt => Bits(TraceQlType.Int);

    /// <summary>The value of a float.</summary>
    public double AsFloat => BitConverter.Int64BitsToDouble(Bits(TraceQlType.Float));

    /// <summary>The value of a string.</summary>
    public string AsString
    {
        get
        {
            Debug.Assert(Type == TraceQlType.String);
            return _text ?? "";
        }
    }

    /// <summary>The value of a bool.</summary>
    public bool AsBool => Bits(TraceQlType.Bool) != 0;

    /// <summary>The nanoseconds of a duration.</summary>
    public long AsDurationNano => Bits(TraceQlType.Duration);

    /// <summary>The value of a status.</summary>
    public TraceQlStatus AsStatus => (TraceQlStatus)Bits(TraceQlType.Status);

    /// <summary>The value of a kind.</summary>
    public TraceQlKind AsKind => (TraceQlKind)Bits(TraceQlType.Kind);

    /// <summary>An int, float or duration as a float; a duration in nanoseconds.</summary>
    public double AsNumber => Type == TraceQlType.Float ? AsFloat : _bits;

    /// <summary>Same type and same bits: int 1 and float 1.0 differ, NaN equals itself.</summary>
    public bool Equals(TraceQlValue other) =>
        Type == other.Type && _bits == other._bits && string.Equals(_text, other._text, StringComparison.Ordinal);

    public override bool Equals(object? obj) => obj is TraceQlValue other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Type, _bits, _text);

    public static bool operator ==(TraceQlValue left, TraceQlValue right) => left.Equals(right);

    public static bool operator !=(TraceQlValue left, TraceQlValue right) => !left.Equals(right);

    /// <summary>The literal's text as the language writes it.</summary>
    public override string ToString() => Printer.Print(this);

    private long Bits(TraceQlType asked)
    {
        Debug.Assert(Type == asked);
        return _bits;
    }
}
