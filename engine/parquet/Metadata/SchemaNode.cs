namespace Tempo.Engine.Parquet;

/// <summary>
/// A node of the schema tree: a group with children, or a leaf with a physical type. Immutable.
/// The named makers give the annotations that readers of the format expect.
/// </summary>
public sealed class SchemaNode
{
    private SchemaNode(string name, Repetition repetition, SchemaNode[] children, PhysicalType? physicalType)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Name = name;
        Repetition = repetition;
        Children = children;
        Type = physicalType;
    }

    public string Name { get; }

    public Repetition Repetition { get; }

    /// <summary>Null for a group.</summary>
    public PhysicalType? Type { get; }

    /// <summary>Bytes of a FIXED_LEN_BYTE_ARRAY; else 0.</summary>
    public int TypeLengthBytes { get; private init; }

    public ConvertedType ConvertedType { get; private init; } = ConvertedType.None;

    public LogicalKind LogicalKind { get; private init; }

    /// <summary>Width of an <see cref="LogicalKind.Integer"/>, in bits; else 0.</summary>
    public int IntegerBits { get; private init; }

    /// <summary>True for unsigned integers: their bounds are compared as such.</summary>
    public bool IsUnsigned { get; private init; }

    /// <summary>Empty for a leaf.</summary>
    public IReadOnlyList<SchemaNode> Children { get; }

    public bool IsLeaf => Type is not null;

    public static SchemaNode Group(string name, Repetition repetition, params SchemaNode[] children) =>
        new(name, repetition, children, null);

    /// <summary>A group annotated as LIST or MAP (the format's three-level lists).</summary>
    public static SchemaNode AnnotatedGroup(string name, Repetition repetition, LogicalKind kind, params SchemaNode[] children) =>
        new(name, repetition, children, null)
        {
            LogicalKind = kind,
            ConvertedType = kind switch
            {
                LogicalKind.List => ConvertedType.List,
                LogicalKind.Map => ConvertedType.Map,
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "LIST or MAP"),
            },
        };

    /// <summary>UTF-8 text: BYTE_ARRAY as String.</summary>
    public static SchemaNode Text(string name, Repetition repetition = Repetition.Required) =>
        new(name, repetition, [], PhysicalType.ByteArray) { ConvertedType = ConvertedType.Utf8, LogicalKind = LogicalKind.String };

    /// <summary>BYTE_ARRAY without annotation.</summary>
    public static SchemaNode Binary(string name, Repetition repetition = Repetition.Required) =>
        Leaf(name, repetition, PhysicalType.ByteArray);

    public static SchemaNode Int32(string name, Repetition repetition = Repetition.Required) =>
        Integer(name, repetition, PhysicalType.Int32, ConvertedType.Int32, 32, isUnsigned: false);

    public static SchemaNode UInt32(string name, Repetition repetition = Repetition.Required) =>
        Integer(name, repetition, PhysicalType.Int32, ConvertedType.UInt32, 32, isUnsigned: true);

    public static SchemaNode Int64(string name, Repetition repetition = Repetition.Required) =>
        Integer(name, repetition, PhysicalType.Int64, ConvertedType.Int64, 64, isUnsigned: false);

    public static SchemaNode UInt64(string name, Repetition repetition = Repetition.Required) =>
        Integer(name, repetition, PhysicalType.Int64, ConvertedType.UInt64, 64, isUnsigned: true);

    public static SchemaNode Double(string name, Repetition repetition = Repetition.Required) =>
        Leaf(name, repetition, PhysicalType.Double);

    public static SchemaNode Boolean(string name, Repetition repetition = Repetition.Required) =>
        Leaf(name, repetition, PhysicalType.Boolean);

    /// <summary>A leaf without annotation; <paramref name="typeLengthBytes"/> for FIXED_LEN_BYTE_ARRAY only.</summary>
    public static SchemaNode Leaf(string name, Repetition repetition, PhysicalType type, int typeLengthBytes = 0) =>
        new(name, repetition, [], type) { TypeLengthBytes = typeLengthBytes };

    /// <summary>A node with the annotations as a file gives them.</summary>
    internal static SchemaNode FromFile(in SchemaElement element, SchemaNode[] children) =>
        new(element.Name, element.Repetition, children, element.Type)
        {
            TypeLengthBytes = element.TypeLengthBytes,
            ConvertedType = element.ConvertedType,
            LogicalKind = element.LogicalKind,
            IntegerBits = element.IntegerBits,
            IsUnsigned = element.LogicalKind == LogicalKind.Integer
                ? element.IsUnsigned
                : element.ConvertedType is ConvertedType.UInt8 or ConvertedType.UInt16 or ConvertedType.UInt32 or ConvertedType.UInt64,
        };

    private static SchemaNode Integer(
        string name, Repetition repetition, PhysicalType type, ConvertedType converted, int bits, bool isUnsigned) =>
            new(name, repetition, [], type)
            {
                ConvertedType = converted,
                LogicalKind = LogicalKind.Integer,
                IntegerBits = bits,
                IsUnsigned = isUnsigned,
            };
}
