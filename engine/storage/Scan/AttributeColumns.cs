using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Attributes of many owners, one behind the other; the owner's offset column says which are whose. Three columns: the
/// key, the type, and 64 bits of value whose meaning the type gives. So a condition on a key is one pass over integers.
/// </summary>
public sealed class AttributeColumns
{
    public int Count;
    public int[] Keys = [];
    public AttributeType[] Types = [];

    /// <summary>
    /// String: a code into <see cref="Values"/>. Int: the number. Double: its bits. Bool: 0 or 1. Arrays: <see cref="ArrayRef"/>.
    /// </summary>
    public long[] Bits = [];
    public StringTable KeyTable = StringTable.None;
    public StringTable Values = StringTable.None;

    /// <summary>The batch's own memory, for when a table is not a dictionary that others have, too.</summary>
    internal RefilledStringTable? OwnKeyTable;
    internal RefilledStringTable? OwnValues;

    /// <summary>Memory for values and the texts of unsupported ones in one table.</summary>
    internal RefilledStringTable? OwnJoined;

    /// <summary>Elements of array values, in the form <see cref="Bits"/> has for the element type.</summary>
    public long[] Items = [];
    public int ItemCount;

    /// <summary>Bytes of the columns and of the texts.</summary>
    public long SizeBytes =>
        (long)Count * (sizeof(int) + sizeof(byte) + sizeof(long)) + (long)ItemCount * sizeof(long) + Values.Offsets[Values.Count];

    /// <summary>Memory for texts that are nobody else's.</summary>
    internal long OwnTextBytes => (OwnKeyTable?.Bytes.Length ?? 0L) + (OwnValues?.Bytes.Length ?? 0) + (OwnJoined?.Bytes.Length ?? 0);

    internal void Clear() => Count = ItemCount = 0;

    public ReadOnlySpan<byte> Key(int index) => KeyTable[Keys[index]];

    public ReadOnlySpan<byte> String(int index) => Values[(int)Bits[index]];

    public ReadOnlySpan<long> ArrayItems(int index)
    {
        var (start, count) = ArrayRef.Unpack(Bits[index]);
        return Items.AsSpan(start, count);
    }
}

/// <summary>Start and count of an array value's items in 64 bits.</summary>
public static class ArrayRef
{
    public static long Pack(int start, int count) => (long)start << 32 | (uint)count;

    public static (int Start, int Count) Unpack(long bits) => ((int)(bits >> 32), (int)(uint)bits);
}

/// <summary>Type of an attribute value, as storage and TraceQL tell them apart.</summary>
public enum AttributeType : byte
{
    /// <summary>A value message without a member.</summary>
    Null = 0,
    String,
    Int,
    Double,
    Bool,

    /// <summary>An array whose elements are all strings; of one or more elements.</summary>
    StringArray,
    IntArray,
    DoubleArray,
    BoolArray,
    EmptyArray,

    /// <summary>Anything else (key-value list, bytes, mixed or nested array): the protobuf bytes of the AnyValue.</summary>
    AnyValue,

    /// <summary>The same, as the proto-JSON text that blocks keep.</summary>
    AnyValueJson,
}

/// <summary>Where an attribute stands.</summary>
public enum AttributeScope : byte
{
    Span = 0,
    Resource,
    Scope,
    Event,
    Link,
}

/// <summary>
/// One attribute key with a column of its own: values of owner i (span, resource or event) are
/// [Start[i], Start[i + 1]) of <see cref="Bits"/>, strings as codes into <see cref="Values"/>.
/// </summary>
public sealed class DedicatedColumn
{
    public required AttributeScope Scope { get; init; }

    /// <summary>The attribute's key, UTF-8.</summary>
    public required byte[] Key { get; init; }

    /// <summary>String or Int.</summary>
    public required AttributeType Type { get; init; }
    public int[] Start = [];
    public long[] Bits = [];
    public StringTable Values = StringTable.None;

    /// <summary>The batch's own memory, for when the values are not a dictionary that others have, too.</summary>
    internal RefilledStringTable? OwnValues;

    // How many places of Start are known to be zero: most pages are never asked for the column, and need not be zeroed again.
    private int _zeroedCount;

    /// <summary>No owner has a value.</summary>
    internal void Empty(int ownerCount)
    {
        if (_zeroedCount > ownerCount) return;
        ColumnMemory.TakeZeroed(ref Start, ownerCount + 1);
        _zeroedCount = ownerCount + 1;
    }

    /// <summary>Something else than zeros is about to stand in <see cref="Start"/>.</summary>
    internal void IsWrittenTo() => _zeroedCount = 0;
}
