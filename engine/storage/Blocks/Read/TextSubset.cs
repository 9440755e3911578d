using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Gives values that were taken out of a page a table of just their own texts, so that they need no more memory than they must,
/// whatever the page's dictionary holds beside. Not thread safe.
/// </summary>
internal sealed class TextSubset
{
    private readonly List<int> _used = [];

    // By code of the large table: 1 + code of the small one.
    private int[] _numbers = [];

    /// <summary>
    /// Texts, in lists too, become codes of a new table, numbered in the order of their appearance. The values own their lists. The result
    /// is the table's bytes.
    /// </summary>
    public long TakeOver(AttributeColumns values)
    {
        Begin(values.Values.Count);
        for (var i = 0; i < values.Count; i++)
        {
            if (values.Types[i] == AttributeType.String) values.Bits[i] = Of((int)values.Bits[i]);
            if (values.Types[i] != AttributeType.StringArray) continue;
            var (start, count) = ArrayRef.Unpack(values.Bits[i]);
            foreach (ref var item in values.Items.AsSpan(start, count)) item = Of((int)item);
        }

        values.Values = ToTable(values.Values);
        return values.Values.Bytes.Length + (long)values.Values.Offsets.Length * sizeof(int);
    }

    private void Begin(int tableCount)
    {
        foreach (var code in _used) _numbers[code] = 0;
        _used.Clear();
        if (_numbers.Length < tableCount) _numbers = new int[tableCount];
    }

    private int Of(int code)
    {
        if (_numbers[code] != 0) return _numbers[code] - 1;
        _used.Add(code);
        _numbers[code] = _used.Count;
        return _used.Count - 1;
    }

    private StringTable ToTable(StringTable table)
    {
        var offsets = new int[_used.Count + 1];
        for (var i = 0; i < _used.Count; i++) offsets[i + 1] = checked(offsets[i] + table[_used[i]].Length);
        var bytes = new byte[offsets[^1]];
        for (var i = 0; i < _used.Count; i++) table[_used[i]].CopyTo(bytes.AsSpan(offsets[i]));
        return new StringTable(bytes, offsets, _used.Count);
    }
}
