using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>A question about a text.</summary>
internal delegate bool TextPredicate(ReadOnlySpan<byte> utf8);

/// <summary>
/// Asks a predicate once per entry of a string table and remembers the answers, a byte an entry: a column of a million
/// spans with a hundred distinct names runs the regular expression a hundred times. Knows the last few tables (the columns
/// of a batch that one field may lie in). Not thread safe.
/// </summary>
internal sealed class TextMemo(TextPredicate predicate)
{
    /// <summary>An unscoped attribute lies in at most four columns: generic and dedicated, of the span and of its resource.</summary>
    private const int KnownTables = 4;

    private readonly TableAnswers?[] _known = new TableAnswers?[KnownTables];
    private int _next;

    /// <summary>The answers for a table's entries.</summary>
    public TableAnswers Of(StringTable table)
    {
        foreach (var known in _known)
            if (known is not null && ReferenceEquals(known.Table, table))
            {
                known.Refresh();
                return known;
            }

        var answers = new TableAnswers(table, predicate);
        _known[_next] = answers;
        _next = (_next + 1) % KnownTables;
        return answers;
    }

    /// <summary>The answers for one table, each found when it is first asked for.</summary>
    public sealed class TableAnswers(StringTable table, TextPredicate predicate)
    {
        private const byte No = 1;
        private const byte Yes = 2;

        private byte[] _answers = new byte[table.Count];
        private int _version = table.Version;

        /// <summary>Forgets the answers if the table was filled anew.</summary>
        public void Refresh()
        {
            if (_version == table.Version) return;
            _version = table.Version;
            _answers.AsSpan().Clear();
        }

        public StringTable Table => table;

        public bool this[int code] =>
            (uint)code < (uint)_answers.Length && _answers[code] is not 0 and var known ? known == Yes : Ask(code);

        private bool Ask(int code)
        {
            // A live table may have grown since.
            if (code >= _answers.Length) Array.Resize(ref _answers, Math.Max(code + 1, table.Count));
            var answer = predicate(table[code]);
            _answers[code] = answer ? Yes : No;
            return answer;
        }
    }
}
