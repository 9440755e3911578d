using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// The dictionary of one string column in one row group, in order of appearance. Text that is not UTF-8 is repaired here
/// (U+FFFD), once per distinct value, so that a block never holds text that another reader refuses.
/// </summary>
internal sealed class StringDictionary(PageLoad load)
{
    /// <summary>Of text that is new in a page: less is no burden as a dictionary.</summary>
    private const long MinUniqueBytes = 1 << 20;

    /// <summary>So many texts are looked up together.</summary>
    private const int MaxWaiting = 256;

    // Entry 0 of an InternTable is the empty string; it becomes a dictionary entry only if it is used, so the dictionary's
    // numbers are its own.
    private readonly InternTable _table = new();
    // Index + 1 in the low half, the length in bytes in the high one: the source's offsets need not be looked at.
    private readonly CodeMap<ulong> _known = new();
    // Of the code that was asked for last: many columns have the same for most spans.
    private ulong _lastPlace;
    private ulong _lastKnown;
    private int[] _indexOfCode = [];
    private int _seenCodes;
    private long _sizeBefore;
    private bool _isClosed;
    private WaitingText[] _waiting = [];
    private int _waitingCount;

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
        var place = (ulong)(uint)batch << 32 | (uint)code;
        if (_lastKnown == 0 || place != _lastPlace)
        {
            ref var known = ref _known[batch, code];
            if (known == 0) known = Known(table[code]);
            (_lastPlace, _lastKnown) = (place, known);
        }

        load.TextBytes += (long)(_lastKnown >> 32);
        return (int)(uint)_lastKnown - 1;
    }

    /// <summary>
    /// Turns codes of a batch into dictionary indexes, in place. Those that are not known yet wait for <see cref="Resolve"/>; the first of
    /// the codes is at place <paramref name="at"/> of the column.
    /// </summary>
    public void Index(int batch, StringTable table, Span<int> codes, int at)
    {
        var known = _known.Of(batch);
        var textBytes = 0L;
        for (var i = 0; i < codes.Length; i++)
        {
            var found = known.Find(codes[i]);
            if (found == 0) Await(batch, table, codes[i], at + i);
            textBytes += (long)(found >> 32);
            codes[i] = (int)(uint)found - 1;
        }

        load.TextBytes += textBytes;
    }

    /// <summary>Dictionary index of a text.</summary>
    public int Index(ReadOnlySpan<byte> text)
    {
        load.TextBytes += text.Length;
        return Add(text);
    }

    /// <summary>Texts wait for <see cref="Resolve"/>: as many as it takes at once, at least.</summary>
    public bool IsCrowded => _waitingCount >= MaxWaiting;

    /// <summary>
    /// Notes a text whose code is not known, for the index to be written to place <paramref name="at"/> of a column. What a look-up
    /// of new text waits for lies in memory apart; of many together it is asked for at once.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Await(int batch, StringTable table, int code, int at)
    {
        GrowableArray.Reserve(ref _waiting, _waitingCount + 1);
        _waiting[_waitingCount++] = new WaitingText { Batch = batch, Table = table, Code = code, At = at };
    }

    /// <summary>Writes the indexes of all that wait to their places in the column, as if each had been looked up when it came.</summary>
    public void Resolve(Span<int> column)
    {
        var waiting = _waiting.AsSpan(0, _waitingCount);
        _waitingCount = 0;
        foreach (ref var text in waiting)
        {
            text.Hash = KeyedHash.Of(text.Table[text.Code]);
            _table.Prefetch(text.Hash);
        }

        foreach (ref readonly var text in waiting)
        {
            ref var known = ref _known[text.Batch, text.Code];
            if (known == 0) known = Known(text.Table[text.Code], text.Hash);
            load.TextBytes += (long)(known >> 32);
            column[text.At] = (int)(uint)known - 1;
        }
    }

    private ulong Known(ReadOnlySpan<byte> text, uint hash) =>
        (ulong)(uint)text.Length << 32 | (uint)(Add(_table.InternText(text, hash)) + 1);

    private ulong Known(ReadOnlySpan<byte> text) => (ulong)(uint)text.Length << 32 | (uint)(Add(text) + 1);

    private int Add(ReadOnlySpan<byte> text) => Add(_table.InternText(text));

    private int Add(int code)
    {
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

    /// <summary>
    /// Asked once for each page, with its values: whether they are to be stored themselves from this page on. So it is beyond so many
    /// bytes, and where most of a large page's text is new: a dictionary of what comes once saves nothing, and every reader must
    /// load all of it.
    /// </summary>
    public bool Closes(long maxBytes, ReadOnlySpan<int> indexes)
    {
        var added = SizeBytes - _sizeBefore;
        _sizeBefore = SizeBytes;
        if (!_isClosed) _isClosed = SizeBytes > maxBytes || (added > MinUniqueBytes && added > TextBytes(indexes) / 4 * 3);
        return _isClosed;
    }

    private long TextBytes(ReadOnlySpan<int> indexes)
    {
        var offsets = _table.Offsets;
        var codes = CollectionsMarshal.AsSpan(Codes);
        long bytes = 0;
        foreach (var index in indexes) bytes += offsets[codes[index] + 1] - offsets[codes[index]];
        return bytes;
    }

    /// <summary>Starts the next row group.</summary>
    public void Clear()
    {
        (_sizeBefore, _isClosed) = (0, false);
        _table.Clear();
        _known.Clear();
        Codes.Clear();
        SizeBytes = 0;
        _lastKnown = 0;
        _seenCodes = _waitingCount = 0;
        Array.Clear(_waiting); // they name tables of batches that are gone
    }

    private struct WaitingText
    {
        public StringTable Table;
        public int Batch;
        public int Code;
        public int At;
        public uint Hash;
    }
}
