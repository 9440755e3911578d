using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Compaction.LargeRows;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>
/// What one merge reads into: a page of each input, and what reading needs in between. Kept from merge to merge, so that
/// compaction makes no garbage of that size. Not thread safe.
/// </summary>
internal sealed class MergeMemory
{
    /// <summary>Attributes of a page beyond which its columns are not kept: four times what a page of ours has.</summary>
    private const int MaxKeptAttributes = 2 << 20;

    private readonly List<SpanBatch> _pages = [];
    private readonly Dictionary<(BlockId Block, int RowGroup, long Row), SplitRow> _split = [];
    private int _taken;

    public ReadMemory Reading { get; private set; } = new();

    public EqualOwners Owners { get; } = new();

    /// <summary>The page of the next input.</summary>
    public SpanBatch TakePage()
    {
        if (_taken == _pages.Count) _pages.Add(new SpanBatch());
        return _pages[_taken++];
    }

    /// <summary>Begin of the paths of files for rows that are too large for memory; null: they stay there.</summary>
    public string? SpillPath { get; set; }

    /// <summary>
    /// Traces that lie in more than one part, ascending: found by the merge of the first one, and all that the others are about.
    /// </summary>
    public SortedSet<TraceId> InParts { get; } = [];

    /// <summary>The pieces of a row, which stay until the last part is written.</summary>
    public SplitRow Split(BlockId block, int rowGroup, long row, Func<string?, SplitRow> split)
    {
        if (_split.TryGetValue((block, rowGroup, row), out var known)) return known;
        return _split[(block, rowGroup, row)] = split(SpillPath is null ? null : $"{SpillPath}.row{_split.Count}.spill");
    }

    /// <summary>
    /// Whether the row came in pieces: decided once for all parts, since it depends on the rows beside it that are read with it.
    /// </summary>
    public bool IsSplit(BlockId block, int rowGroup, long row) => _split.ContainsKey((block, rowGroup, row));

    /// <summary>A merge begins, which may be another one over the same inputs: all pages may be taken.</summary>
    public void Begin() => _taken = 0;

    /// <summary>The merge is over: its pages may be taken again. What held far more than an ordinary page is let go.</summary>
    public void Release()
    {
        _taken = 0;
        foreach (var row in _split.Values) row.Dispose();
        _split.Clear();
        InParts.Clear();
        if (_pages.RemoveAll(static page => Attributes(page) > MaxKeptAttributes) > 0) Reading = new ReadMemory();
        while (_pages.Count > CompactionSelector.MaxInputs) _pages.RemoveAt(_pages.Count - 1);
        foreach (var page in _pages) page.ReleaseTables();
    }

    private static long Attributes(SpanBatch page) =>
        (long)page.SpanAttributes.Bits.Length + page.Resources.Attributes.Bits.Length + page.Events.Attributes.Bits.Length
            + page.Links.Attributes.Bits.Length;
}
