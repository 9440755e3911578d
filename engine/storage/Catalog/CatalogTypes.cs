namespace Tempo.Engine.Storage.Catalog;

/// <summary>Type of one value in a catalog; the numbers are in files.</summary>
public enum CatalogValueType : byte
{
    Text = 0,
    Int,
    Double,
    Bool,
}

/// <summary>The types that values of a key were seen with; the numbers are in files.</summary>
[Flags]
public enum CatalogTypes
{
    None = 0,
    Text = 1 << CatalogValueType.Text,
    Int = 1 << CatalogValueType.Int,
    Double = 1 << CatalogValueType.Double,
    Bool = 1 << CatalogValueType.Bool,
    Array = 1 << 4,

    /// <summary>Key-value lists, bytes, mixed arrays, and attributes without a value: nothing that a query could name.</summary>
    Other = 1 << 5,
}

/// <summary>A value of a catalog. The text lies in the catalog's bytes.</summary>
public readonly ref struct CatalogValue(CatalogValueType type, ReadOnlySpan<byte> text, long bits, long count)
{
    public CatalogValueType Type { get; } = type;

    /// <summary>UTF-8; empty for other types.</summary>
    public ReadOnlySpan<byte> Text { get; } = text;

    /// <summary>The int, the double's bits, or 0 and 1.</summary>
    public long Bits { get; } = bits;

    /// <summary>How often it was seen.</summary>
    public long Count { get; } = count;
}
