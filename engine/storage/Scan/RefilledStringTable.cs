using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Scan;

/// <summary>A string table with memory of its own, which is filled anew while nobody reads it.</summary>
internal sealed class RefilledStringTable() : StringTable([], [0], 0)
{
    /// <summary>Room for <paramref name="count"/> strings of <paramref name="sizeBytes"/> in all; what it held is gone.</summary>
    public void Begin(int count, int sizeBytes)
    {
        Count = 0;
        Version++;
        if (Bytes.Length < sizeBytes) Bytes = GC.AllocateUninitializedArray<byte>(sizeBytes + sizeBytes / 8);
        if (Offsets.Length <= count) Offsets = GC.AllocateUninitializedArray<int>(count + count / 8 + 1);
        Offsets[0] = 0;
    }

    /// <summary>
    /// Lends its memory to a reader of columns, or takes it back with the strings that were decoded into it: what may be many
    /// megabytes is neither copied nor there twice.
    /// </summary>
    public void Exchange(ColumnData data)
    {
        var (bytes, offsets) = (Bytes, Offsets);
        Version++;
        Count = data.ExchangeMemory(ref bytes, ref offsets);
        (Bytes, Offsets) = (bytes, offsets);
    }

    /// <summary>
    /// What was filled in, as a table of its own: the memory is used again, the object is not, so that who remembers something of
    /// a table never takes new strings for old ones.
    /// </summary>
    public StringTable Filled() => new(Bytes, Offsets, Count);

    /// <summary>Adds strings, given as count + 1 offsets from 0 and their bytes. There is room for them.</summary>
    public void Add(ReadOnlySpan<int> offsets, ReadOnlySpan<byte> bytes)
    {
        var start = Offsets[Count];
        bytes[..offsets[^1]].CopyTo(Bytes.AsSpan(start));
        for (var i = 1; i < offsets.Length; i++) Offsets[Count + i] = start + offsets[i];
        Count += offsets.Length - 1;
    }
}
