using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>What a field of a span turned out to be.</summary>
internal enum FieldType : byte
{
    /// <summary>The span has no such field, or it has no TraceQL type.</summary>
    Nil = 0,
    Int,
    Float,
    String,
    Bool,

    /// <summary>Nanoseconds.</summary>
    Duration,
    Status,
    Kind,

    /// <summary>Several values of one type.</summary>
    Array,

    /// <summary>Depends on the whole trace, which is not at hand.</summary>
    Unknown,
}

/// <summary>
/// A value of a field: a number, or text that lies in a column's table or in the buffer of the reader that made it (then it
/// is good until that reader reads again). No allocation.
/// </summary>
internal readonly struct FieldValue
{
    // Text: a StringTable with the code in Bits, or a byte[]. Array: its AttributeColumns, with the attribute in Bits.
    private readonly object? _source;
    private readonly int _length;

    private FieldValue(FieldType type, long bits, object? source = null, int length = 0, FieldType element = FieldType.Nil)
    {
        Type = type;
        Bits = bits;
        _source = source;
        _length = length;
        ElementType = element;
    }

    public FieldType Type { get; }

    /// <summary>Type of the elements of an array.</summary>
    public FieldType ElementType { get; }

    /// <summary>Int, bool, duration, status, kind: the number. Float: its bits. Text of a table: its code.</summary>
    public long Bits { get; }

    public static FieldValue Nil => default;

    public static FieldValue Unknown => new(FieldType.Unknown, 0);

    public static FieldValue Number(FieldType type, long bits) => new(type, bits);

    public static FieldValue Float(double value) => new(FieldType.Float, BitConverter.DoubleToInt64Bits(value));

    public static FieldValue Bool(bool value) => new(FieldType.Bool, value ? 1 : 0);

    /// <summary>The first <paramref name="length"/> bytes, which must not change as long as the value is used.</summary>
    public static FieldValue Text(byte[] utf8, int length) => new(FieldType.String, 0, utf8, length);

    public static FieldValue Text(byte[] utf8) => Text(utf8, utf8.Length);

    public static FieldValue Text(StringTable table, int code) => new(FieldType.String, code, table);

    public static FieldValue ArrayOf(AttributeColumns attributes, int index, FieldType element) =>
        new(FieldType.Array, index, attributes, element: element);

    public bool IsTrue => Type == FieldType.Bool && Bits != 0;

    public bool IsNumeric => Type is FieldType.Int or FieldType.Float or FieldType.Duration;

    /// <summary>The table that the text is entry <see cref="Bits"/> of, or null.</summary>
    public StringTable? Table => Type == FieldType.String ? _source as StringTable : null;

    /// <summary>The text of a string.</summary>
    public ReadOnlySpan<byte> Utf8 => _source is StringTable table ? table[(int)Bits] : ((byte[]?)_source).AsSpan(0, _length);

    /// <summary>A number as a double; a duration in nanoseconds.</summary>
    public double AsDouble => Type == FieldType.Float ? BitConverter.Int64BitsToDouble(Bits) : Bits;

    /// <summary>Elements of an array.</summary>
    public int ElementCount => ((AttributeColumns)_source!).ArrayItems((int)Bits).Length;

    /// <summary>Element <paramref name="i"/> of an array.</summary>
    public FieldValue Element(int i)
    {
        var attributes = (AttributeColumns)_source!;
        var item = attributes.ArrayItems((int)Bits)[i];
        return ElementType == FieldType.String ? Text(attributes.Values, (int)item) : Number(ElementType, item);
    }
}
