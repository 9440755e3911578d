namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Byte strings by code: entry i is <c>Bytes[Offsets[i]..Offsets[i + 1]]</c>. The dictionary of one or of many columns.
/// A table that is still growing may be read by other threads up to a count they learned after it was published:
/// entries never move within an array, and a grown array is put in place only when it is complete.
/// </summary>
public class StringTable
{
    /// <summary>The empty string alone.</summary>
    public static readonly StringTable None = new([], [0, 0], 1);

    public StringTable(byte[] bytes, int[] offsets, int count)
    {
        Bytes = bytes;
        Offsets = offsets;
        Count = count;
    }

    /// <summary>All entries one behind the other.</summary>
    public byte[] Bytes { get; protected set; }

    /// <summary>Count + 1 ascending offsets into <see cref="Bytes"/>.</summary>
    public int[] Offsets { get; protected set; }

    public int Count { get; protected set; }

    /// <summary>Changes when the table is filled anew, so that what was found out about its entries is void.</summary>
    public int Version { get; protected set; }

    public ReadOnlySpan<byte> this[int code]
    {
        get
        {
            var offsets = Offsets;
            return Bytes.AsSpan(offsets[code], offsets[code + 1] - offsets[code]);
        }
    }

    /// <summary>Is there such an entry? Tries one after the other.</summary>
    public bool Contains(ReadOnlySpan<byte> text)
    {
        for (var code = 0; code < Count; code++)
            if (this[code].SequenceEqual(text))
                return true;
        return false;
    }
}
