using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// The dictionary of one string column in one row group, in order of appearance. Text that is not UTF-8 is repaired here
/// (U+FFFD), once per distinct value, so that a block never holds text that another reader refuses.
/// </summary>
internal sealed class StringDictionary(PageLoad load)
{
    // Entry 0 of an InternTable is the empty string; it becomes a dictionary entry only if it is used, so the dictionary's
    // numbers are its own.
    private readonly InternTable _table = new();
    private readonly CodeMap _known = new();
    private int[] _indexOfCode = [];
    private int _seenCodes;

    /// <summary>The table's codes in dictionary order.</summary>
    public List<int> Codes { get; } = [];

    public int Count => Codes.Count;

    /// <summary>Bytes of the entries.</summary>
    public long SizeBytes { get; private set; }

    public StringTable Table => _table;

    /// <summary>The entry of a dictionary index.</summary>
    public ReadOnlySpan<byte> Text(int index) => _table[Codes[index]];

    /// <summary>Dictionary index of string <paramref name="code"/> of batch number <paramref name="batch"/>.</summary>
    public int Index(int batch, StringTable table, int code)
    {
        ref var known = ref _known[batch, code];
        if (known == 0) known = Add(table[code]) + 1;
        load.TextBytes += table.Offsets[code + 1] - table.Offsets[code];
        return known - 1;
    }

    /// <summary>Dictionary index of a text.</summary>
    public int Index(ReadOnlySpan<byte> text)
    {
        load.TextBytes += text.Length;
        return Add(text);
    }

    private int Add(ReadOnlySpan<byte> text)
    {
        var code = _table.InternText(text);
        GrowableArray.Reserve(ref _indexOfCode, code + 1);
        while (_seenCodes <= code) _indexOfCode[_seenCodes++] = -1;
        if (_indexOfCode[code] < 0)
        {
            _indexOfCode[code] = Codes.Count;
            Codes.Add(code);
            SizeBytes += _table[code].Length;
        }

        return _indexOfCode[code];
    }

    /// <summary>Starts the next row group.</summary>
    public void Clear()
    {
        _table.Clear();
        _known.Clear();
        Codes.Clear();
        SizeBytes = 0;
        _seenCodes = 0;
    }
}
