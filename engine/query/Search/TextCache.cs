using System.Text;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Search;

/// <summary>Texts of tables as strings, each made once. One thread's; keeps a bounded number.</summary>
internal sealed class TextCache
{
    private const int MaxTexts = 16 * 1024;

    private readonly Dictionary<(StringTable Table, int Version, int Code), string> _texts = [];

    public string Of(StringColumn column, int row) => Of(column.Table, column.Codes[row]);

    public string Of(StringTable table, int code)
    {
        var key = (table, table.Version, code);
        if (_texts.TryGetValue(key, out var text)) return text;
        if (_texts.Count >= MaxTexts) _texts.Clear();
        _texts.Add(key, text = Encoding.UTF8.GetString(table[code]));
        return text;
    }
}
