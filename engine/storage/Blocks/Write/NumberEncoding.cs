using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Chooses the encoding of one number column in one row group, by the size that its values come to as the codec leaves them:
/// <code>
/// dictionary   up to 256 entries always; beyond, until a page is found that its differences make smaller: tried at the first such
///              page, and again whenever the dictionary has grown to twice as much
/// deltas       from that page on: sizes of bodies, offsets, whatever is nearly always another number
/// PLAIN        where the dictionary is closed and deltas save nothing: numbers of 64 bits
/// </code>
/// Entries that a page brings into the dictionary serve the pages behind it, too, so they count for a part only.
/// </summary>
internal sealed class NumberEncoding
{
    /// <summary>So many are indexed by one byte, which no difference is better than.</summary>
    private const int FewEntries = 256;

    /// <summary>Pages that share an entry: those of a row group of a merge.</summary>
    private const int PagesOfEntry = 4;

    // A dictionary is quicker to search: it stays unless it is larger by a sixteenth.
    private const int Parts = 16;

    private int _seenEntries;
    private int _nextTrial;
    private PageEncoding _encoding = PageEncoding.RleDictionary;

    /// <summary>The encoding of the page that has these values, of which there are some.</summary>
    public PageEncoding Choose(ColumnChunkWriter chunk, IntStage column, int indexBits)
    {
        var dictionary = column.Dictionary;
        if (_encoding != PageEncoding.RleDictionary || dictionary.Count <= FewEntries
            || dictionary.Count < _nextTrial && !dictionary.IsClosed)
            return _encoding;
        var deltas = chunk.TryDelta(column.Values);
        if (dictionary.IsClosed)
            return _encoding = deltas < chunk.TryPlain(column.Values) ? PageEncoding.DeltaBinaryPacked : PageEncoding.Plain;
        var entries = chunk.TryDictionary(dictionary.Values[_seenEntries..]);
        (_seenEntries, _nextTrial) = (dictionary.Count, 2 * dictionary.Count);
        var indexes = chunk.TryDictionaryIndices(column.Indexes, indexBits);
        return _encoding =
            deltas + deltas / Parts < indexes + entries / PagesOfEntry ? PageEncoding.DeltaBinaryPacked : PageEncoding.RleDictionary;
    }

    /// <summary>Starts the next row group.</summary>
    public void Clear() => (_seenEntries, _nextTrial, _encoding) = (0, 0, PageEncoding.RleDictionary);
}
