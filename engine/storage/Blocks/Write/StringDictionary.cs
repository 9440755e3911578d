using System.Runtime.CompilerServices;
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
    // Index + 1 in the low half, the length in bytes in the high one: the source's offsets need not be looked at.
    private readonly CodeMap<ulong> _known = new();
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
        if (known == 0) known = Known(table[code]);
        load.TextBytes += (long)(known >> 32);
        return (int)(uint)known - 1;
    }

    /// <summary>What is known of one batch's codes, for <see cref="TryIndex"/>.</summary>
    public CodeMap<ulong>.Codes Of(int batch) => _known.Of(batch);

    /// <summary>As <see cref="Index(int, StringTable, int)"/> for a code that is known; false, with nothing done, if it is not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryIndex(in CodeMap<ulong>.Codes codes, int code, PageLoad load, out int index)
    {
        var known = codes.Find(code);
        load.TextBytes += (long)(known >> 32);
        index = (int)(uint)known - 1;
        return index >= 0;
    }

    /// <summary>Dictionary index of a text.</summary>
    public int Index(ReadOnlySpan<byte> text)
    {
        load.TextBytes += text.Length;
        return Add(text);
    }

    private ulong Known(ReadOnlySpan<byte> text) => (ulong)(uint)text.Length << 32 | (uint)(Add(text) + 1);

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
