using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// Hands each text of a table on once. What was handed on before is remembered as long as the table is the same one and was not filled
/// anew, so that texts are looked at once for a dictionary and not once for each page.
/// </summary>
internal sealed class SeenTexts
{
    private readonly StringTable _table;
    private readonly TagValueCollector _values;
    private readonly bool _skipsEmpty;
    private readonly int _version;
    private readonly bool[] _seen;

    public SeenTexts(StringTable table, TagValueCollector values, bool skipsEmpty)
    {
        (_table, _values, _skipsEmpty, _version) = (table, values, skipsEmpty, table.Version);
        // A live table grows while it is read: the count first, and then the arrays, which are never shorter than it said.
        _seen = new bool[table.Count];
        Interlocked.MemoryBarrier();
    }

    public bool IsOf(StringTable table, bool skipsEmpty) =>
        ReferenceEquals(table, _table) && table.Version == _version && table.Count == _seen.Length && skipsEmpty == _skipsEmpty;

    public void Add(int code)
    {
        if (_seen[code]) return;
        _seen[code] = true;
        var text = _table[code];
        if (!_skipsEmpty || !text.IsEmpty) _values.AddText(text, 1);
    }
}
