using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Keys;

/// <summary>
/// For each entry of a string table the number found for it, so that a text is hashed once per table and not once per span.
/// Knows the last few tables. Not thread safe.
/// </summary>
internal sealed class CodeMemo
{
    /// <summary>An unscoped attribute lies in at most four columns: generic and dedicated, of the span and of its resource.</summary>
    private const int KnownTables = 4;

    private readonly (StringTable? Table, int[] Numbers)[] _known = new (StringTable?, int[])[KnownTables];
    private int _next;

    /// <summary>Numbers plus 1 by code, 0 where none is known yet; covers all entries the table has now.</summary>
    public int[] Of(StringTable table)
    {
        for (var i = 0; i < KnownTables; i++)
        {
            if (!ReferenceEquals(_known[i].Table, table)) continue;
            // A live table may have grown since.
            if (_known[i].Numbers.Length < table.Count) Array.Resize(ref _known[i].Numbers, table.Count);
            return _known[i].Numbers;
        }

        var numbers = new int[table.Count];
        _known[_next] = (table, numbers);
        _next = (_next + 1) % KnownTables;
        return numbers;
    }
}
