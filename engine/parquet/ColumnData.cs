namespace Tempo.Engine.Parquet;

/// <summary>
/// What <see cref="ColumnReader.Read"/> delivers: levels and values of a range of rows. Reused from read to read; arrays grow and
/// are kept, and are valid up to the counts given. Values are only those that are there: entry i has one if its definition level
/// is the leaf's maximum. Which array holds them depends on the physical type.
/// </summary>
public sealed class ColumnData
{
    private readonly ByteArrayTable _ownTable = new();
    private ByteArrayTable _table;
    private byte[] _repetitionLevels = [];
    private byte[] _definitionLevels = [];
    private int[] _int32s = [];
    private long[] _int64s = [];
    private double[] _doubles = [];
    private byte[] _booleans = [];
    private int[] _codes = [];
    private int _lateDictionary = -1;

    // What the repetition levels at the front were decoded from; a length of -1: nothing that is known.
    private byte[] _repetitionBytes = [];
    private RepeatedPlace _repetitionPlace;
    private int _repetitionLength = -1;
    private int _repetitionFirst;
    private int _repetitionEnd;

    public ColumnData() => _table = _ownTable;

    /// <summary>Rows delivered.</summary>
    public int RowCount { get; internal set; }

    /// <summary>Entries: values and nulls.</summary>
    public int LevelCount { get; internal set; }

    /// <summary>Values that are there.</summary>
    public int ValueCount { get; internal set; }

    /// <summary>One for each entry, 0 where a row begins; empty if the leaf does not repeat.</summary>
    public byte[] RepetitionLevels => _repetitionLevels;

    /// <summary>One for each entry; empty if the leaf is required on its whole path.</summary>
    public byte[] DefinitionLevels => _definitionLevels;

    /// <summary>INT32.</summary>
    public int[] Int32s => _int32s;

    /// <summary>INT64.</summary>
    public long[] Int64s => _int64s;

    /// <summary>DOUBLE, and FLOAT widened.</summary>
    public double[] Doubles => _doubles;

    /// <summary>BOOLEAN, 0 or 1.</summary>
    public byte[] Booleans => _booleans;

    /// <summary>BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY and INT96: value i is entry <c>Codes[i]</c> of <see cref="Table"/>.</summary>
    public int[] Codes => _codes;

    /// <summary>
    /// Strings that <see cref="Codes"/> point into. The first <see cref="DictionaryCount"/> are the chunk's dictionary; each value of a
    /// page without dictionary has an entry of its own. If all pages were dictionary-coded this is the
    /// <see cref="ColumnReader.Dictionary"/>'s own table, the same object in every read of that reader.
    /// </summary>
    public ByteArrayTable Table => _table;

    /// <summary>Entries at the front of <see cref="Table"/> that are the chunk's dictionary.</summary>
    public int DictionaryCount { get; private set; }

    /// <summary>
    /// Exchanges the memory for strings that are no dictionary's: before a read, so that they are decoded where they are to stay, and
    /// after it, to take them out. What <see cref="Table"/> held of them is forgotten; the result says how many there were.
    /// </summary>
    public int ExchangeMemory(ref byte[] bytes, ref int[] offsets)
    {
        var count = _ownTable.Count;
        _ownTable.Exchange(ref bytes, ref offsets);
        return count;
    }

    /// <summary>Memory that it keeps from read to read.</summary>
    public long AllocatedBytes =>
        _ownTable.AllocatedBytes + _repetitionLevels.Length + _definitionLevels.Length + _booleans.Length
            + 4L * (_int32s.Length + _codes.Length) + 8L * (_int64s.Length + _doubles.Length);

    /// <summary>Forgets what was read, a chunk's dictionary among it, and keeps the memory.</summary>
    public void Clear()
    {
        RowCount = LevelCount = ValueCount = DictionaryCount = 0;
        _ownTable.Clear();
        _table = _ownTable;
        _lateDictionary = -1;
    }

    /// <summary>Makes the dictionary the table, by reference. Called before any page is decoded.</summary>
    internal void UseDictionary(ByteArrayTable dictionary)
    {
        _table = dictionary;
        DictionaryCount = dictionary.Count;
    }

    /// <summary>
    /// A table that values may be added to. The first time it takes a copy of the dictionary, unless no value that was read is in
    /// it: a dictionary may have megabytes, and where it got too large the rest of the pages do without.
    /// </summary>
    internal ByteArrayTable GrowableTable()
    {
        if (_table == _ownTable) return _ownTable;
        if (ValueCount > 0) _ownTable.AppendAll(_table);
        else DictionaryCount = 0;
        return _table = _ownTable;
    }

    /// <summary>
    /// Where in the table the dictionary begins, for a page of indices: behind the values of pages without it, if such came first.
    /// </summary>
    internal int PlaceDictionary(ByteArrayTable dictionary)
    {
        if (_table == dictionary || DictionaryCount > 0) return 0;
        if (_lateDictionary >= 0) return _lateDictionary;
        _lateDictionary = _ownTable.Count;
        _ownTable.AppendAll(dictionary);
        return _lateDictionary;
    }

    internal Span<byte> AddRepetitionLevels(int count)
    {
        _repetitionLength = -1;
        return Grow(ref _repetitionLevels, LevelCount, count);
    }

    /// <summary>
    /// Whether the repetition levels of these rows are those of the read before, which are there still: then what was decoded from
    /// the same bytes is used again. Only for reads of one page.
    /// </summary>
    internal bool TryFindRepetition(in RepeatedPlace place, ReadOnlySpan<byte> encoded, out int firstLevel, out int endLevel)
    {
        (firstLevel, endLevel) = (_repetitionFirst, _repetitionEnd);
        return LevelCount == 0 && _repetitionLength == encoded.Length && place == _repetitionPlace
            && encoded.SequenceEqual(_repetitionBytes.AsSpan(0, encoded.Length));
    }

    /// <summary>Says what the first levels of this read were decoded from.</summary>
    internal void KeepRepetition(in RepeatedPlace place, ReadOnlySpan<byte> encoded, int firstLevel, int endLevel)
    {
        // What is not the whole of a read would have to be put behind what is there.
        if (LevelCount > 0 || encoded.IsEmpty) return;
        if (_repetitionBytes.Length < encoded.Length)
            _repetitionBytes = GC.AllocateUninitializedArray<byte>(encoded.Length + encoded.Length / 4);
        encoded.CopyTo(_repetitionBytes);
        (_repetitionPlace, _repetitionLength, _repetitionFirst, _repetitionEnd) = (place, encoded.Length, firstLevel, endLevel);
    }

    internal Span<byte> AddDefinitionLevels(int count) => Grow(ref _definitionLevels, LevelCount, count);

    internal Span<int> AddInt32s(int count) => Grow(ref _int32s, ValueCount, count);

    internal Span<long> AddInt64s(int count) => Grow(ref _int64s, ValueCount, count);

    internal Span<double> AddDoubles(int count) => Grow(ref _doubles, ValueCount, count);

    internal Span<byte> AddBooleans(int count) => Grow(ref _booleans, ValueCount, count);

    internal Span<int> AddCodes(int count) => Grow(ref _codes, ValueCount, count);

    /// <summary>The part behind <paramref name="used"/>. The counts move only when the page is done.</summary>
    private static Span<T> Grow<T>(ref T[] array, int used, int count)
    {
        var needed = used + count;
        if (needed < 0) ParquetFormatException.Throw("A read of more than 2^31 entries. Read fewer rows at a time.");
        if (needed > array.Length) Array.Resize(ref array, (int)Math.Min(Math.Max(needed, array.Length * 2L), Array.MaxLength));
        return array.AsSpan(used, count);
    }
}
