using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>Numbers those codes of a table that are used, in the order of their appearance, and makes a table of them. Not thread safe.</summary>
internal sealed class CodeSubset
{
    private readonly List<int> _used = [];

    // By code of the large table: 1 + code of the small one.
    private int[] _numbers = [];

    public void Begin(int tableCount)
    {
        foreach (var code in _used) _numbers[code] = 0;
        _used.Clear();
        if (_numbers.Length < tableCount) _numbers = new int[tableCount];
    }

    public int Of(int code)
    {
        if (_numbers[code] != 0) return _numbers[code] - 1;
        _used.Add(code);
        _numbers[code] = _used.Count;
        return _used.Count - 1;
    }

    public StringTable ToTable(StringTable table)
    {
        var offsets = new int[_used.Count + 1];
        for (var i = 0; i < _used.Count; i++) offsets[i + 1] = checked(offsets[i] + table[_used[i]].Length);
        var bytes = new byte[offsets[^1]];
        for (var i = 0; i < _used.Count; i++) table[_used[i]].CopyTo(bytes.AsSpan(offsets[i]));
        return new StringTable(bytes, offsets, _used.Count);
    }
}
