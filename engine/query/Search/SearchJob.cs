namespace Tempo.Engine.Query.Search;

/// <summary>A piece of a search: some live batches, a row group, or a block that has still to be opened.</summary>
/// <param name="Bound">Nanoseconds: no trace of it starts after this.</param>
/// <param name="Place">0 for live data; number of the block + 1.</param>
/// <param name="First">First live batch, or the row group.</param>
/// <param name="Count">Live batches; 1 for a row group; row groups of a block, as its meta says.</param>
internal readonly record struct SearchJob(ulong Bound, int Place, int First, int Count)
{
    public bool IsLive => Place == 0;

    public int Block => Place - 1;

    /// <summary>A block whose row groups are not known yet.</summary>
    public bool IsUnopened { get; init; }
}
