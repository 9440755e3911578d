using System.Text;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Search;

/// <summary>
/// Texts of tables as strings, each made once: by code in an array for each of the tables that were asked last, which are those of the
/// columns of a page, or two. One thread's; keeps a bounded number.
/// </summary>
internal sealed class TextCache
{
    private const int MaxTables = 8;

    /// <summary>Of larger tables nothing is kept: most of their texts are met once.</summary>
    private const int MaxTexts = 16 * 1024;

    /// <summary>Characters of texts, of which each may be of any length, after which all tables begin anew: 8 MiB.</summary>
    private const int MaxChars = 4 << 20;

    private readonly Entry[] _tables = new Entry[MaxTables];
    private int _next;
    private long _chars;

    public string Of(StringColumn column, int row) => Of(column.Table, column.Codes[row]);

    public string Of(StringTable table, int code)
    {
        if (code >= MaxTexts) return Encoding.UTF8.GetString(table[code]);
        ref var texts = ref TextsOf(table);
        // As far as somebody asks: of a large table it may be one text.
        if (code >= texts.Length) Array.Resize(ref texts, Math.Min(Math.Max(code + 1, 2 * texts.Length), MaxTexts));
        if (texts[code] is { } known) return known;
        var text = texts[code] = Encoding.UTF8.GetString(table[code]);
        if ((_chars += text.Length) > MaxChars)
        {
            Array.Clear(_tables);
            _chars = 0;
        }

        return text;
    }

    private ref string?[] TextsOf(StringTable table)
    {
        for (var i = 0; i < MaxTables; i++)
            if (ReferenceEquals(_tables[i].Table, table) && _tables[i].Version == table.Version)
                return ref _tables[i].Texts;
        ref var entry = ref _tables[_next];
        _next = (_next + 1) % MaxTables;
        entry = new Entry { Table = table, Version = table.Version, Texts = [] };
        return ref entry.Texts;
    }

    private struct Entry
    {
        public StringTable? Table;
        public int Version;
        public string?[] Texts;
    }
}
