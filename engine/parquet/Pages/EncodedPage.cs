namespace Tempo.Engine.Parquet;

/// <summary>
/// One data page as it was written, decompressed and not decoded: for who finds out from levels and indices in their encoded form which
/// of the values are wanted at all. Filled by <see cref="ColumnReader.TryReadPage"/>, again and again with the same memory.
/// </summary>
public sealed class EncodedPage
{
    private byte[] _bytes = [];
    private (int Start, int Length) _repetition;
    private (int Start, int Length) _definition;
    private (int Start, int Length) _values;

    /// <summary>Entries: values and nulls.</summary>
    public int LevelCount { get; private set; }

    /// <summary>How <see cref="Values"/> are encoded.</summary>
    public PageEncoding Encoding { get; private set; }

    /// <summary>Repetition levels, as hybrid runs; empty if the leaf does not repeat.</summary>
    public ReadOnlySpan<byte> Repetition => _bytes.AsSpan(_repetition.Start, _repetition.Length);

    /// <summary>Definition levels, as hybrid runs; empty if the leaf is required on its whole path.</summary>
    public ReadOnlySpan<byte> Definition => _bytes.AsSpan(_definition.Start, _definition.Length);

    /// <summary>The values that are there.</summary>
    public ReadOnlySpan<byte> Values => _bytes.AsSpan(_values.Start, _values.Length);

    /// <summary>The values are indices into the chunk's dictionary.</summary>
    public bool IsOfIndices => Encoding is PageEncoding.RleDictionary or PageEncoding.PlainDictionary;

    /// <summary>Memory for a page of so many bytes.</summary>
    internal Span<byte> Begin(int sizeBytes)
    {
        if (_bytes.Length < sizeBytes) _bytes = GC.AllocateUninitializedArray<byte>(_bytes.Length == 0 ? sizeBytes : sizeBytes + sizeBytes / 8);
        LevelCount = 0;
        _repetition = _definition = _values = default;
        return _bytes.AsSpan(0, sizeBytes);
    }

    /// <summary>Where in the memory what lies; all are slices of what <see cref="Begin"/> gave.</summary>
    internal void Set(int levelCount, PageEncoding encoding, ReadOnlySpan<byte> repetition, ReadOnlySpan<byte> definition, ReadOnlySpan<byte> values)
    {
        LevelCount = levelCount;
        Encoding = encoding;
        _repetition = PlaceOf(repetition);
        _definition = PlaceOf(definition);
        _values = PlaceOf(values);
    }

    private (int Start, int Length) PlaceOf(ReadOnlySpan<byte> part) =>
        part.IsEmpty || !((ReadOnlySpan<byte>)_bytes).Overlaps(part, out var start) ? default : (start, part.Length);
}
