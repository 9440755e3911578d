using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Blocks.Cache;

/// <summary>
/// Columns of pages as queries use them (spans with their traces and resources, times, names, the attributes of one key), kept from
/// query to query: blocks do not change, and unpacking is most of what a scan costs. Bounded by bytes. Thread safe.
/// <para>
/// A scan of more than fits must not push out all that the next scan would find: what was used lately stays, and what does not fit
/// is not kept. A page is let go when four times as many pages as are kept were asked for since it was used, or when its block is closed.
/// </para>
/// </summary>
public sealed class ColumnCache : IKeepsSpareMemory
{
    /// <summary>Pages asked for, for each page kept, after which one that nobody used is stale.</summary>
    private const int StaleAfterRounds = 4;

    private readonly Lock _lock = new();
    private readonly Dictionary<object, Dictionary<(int RowGroup, long RowStart, int RowCount), CachedPage>> _blocks = [];

    // Least lately added first; those that turn out to be in use go to the end.
    private readonly Queue<CachedPage> _order = new();
    private long _bytes;
    private long _asked;
    private readonly long _maxBytes;

    /// <param name="maxBytes">Most bytes; 0: nothing is kept.</param>
    public ColumnCache(long maxBytes)
    {
        _maxBytes = maxBytes;
        SpareMemory.Register(this);
    }

    /// <summary>Bytes that are kept, roughly: the arrays.</summary>
    public long SizeBytes => Interlocked.Read(ref _bytes);

    /// <summary>Most bytes; 0: nothing is kept.</summary>
    public long MaxBytes => _maxBytes;

    /// <summary>The page, perhaps with nothing in it yet; null if nothing is kept at all.</summary>
    internal CachedPage? Page(BlockReader block, int rowGroup, long rowStart, int rowCount)
    {
        if (_maxBytes <= 0) return null;
        lock (_lock)
        {
            _asked++;
            if (!_blocks.TryGetValue(block.CacheKey, out var pages)) _blocks.Add(block.CacheKey, pages = []);
            if (!pages.TryGetValue((rowGroup, rowStart, rowCount), out var page))
            {
                // It is put in place when it has something to keep.
                page = new CachedPage(this, block.CacheKey, (rowGroup, rowStart, rowCount));
            }

            page.LastUse = _asked;
            return page;
        }
    }

    /// <summary>Makes room for more of a page; false if there is none, or the page was let go.</summary>
    internal bool TryCharge(CachedPage page, long bytes)
    {
        lock (_lock)
        {
            if (page.IsDropped || !_blocks.TryGetValue(page.Block, out var pages)) return false;
            while (_bytes + bytes > _maxBytes)
                if (!TryDropStale())
                    return false;
            if (pages.TryGetValue(page.Place, out var known))
            {
                // Two queries met it at the same time: the second one keeps what it has to itself.
                if (known != page) return false;
            }
            else
            {
                pages.Add(page.Place, page);
                _order.Enqueue(page);
            }

            page.SizeBytes += bytes;
            Interlocked.Add(ref _bytes, bytes);
            return true;
        }
    }

    /// <summary>The block, by its <see cref="BlockReader.CacheKey"/>, is closed: nobody will ask for it again.</summary>
    internal void Remove(object block)
    {
        lock (_lock)
        {
            if (!_blocks.Remove(block, out var pages)) return;
            foreach (var page in pages.Values) Forget(page);
        }
    }

    /// <inheritdoc/>
    public void LetGo()
    {
        lock (_lock)
        {
            foreach (var pages in _blocks.Values)
                foreach (var page in pages.Values)
                    Forget(page);
            _blocks.Clear();
            _order.Clear();
        }
    }

    private bool TryDropStale()
    {
        for (var looked = _order.Count; looked > 0; looked--)
        {
            var page = _order.Dequeue();
            if (page.IsDropped) continue;
            if (_asked - page.LastUse <= (long)StaleAfterRounds * (_order.Count + 1))
            {
                _order.Enqueue(page);
                continue;
            }

            _blocks[page.Block].Remove(page.Place);
            Forget(page);
            return true;
        }

        return false;
    }

    private void Forget(CachedPage page)
    {
        page.IsDropped = true;
        Interlocked.Add(ref _bytes, -page.SizeBytes);
    }
}
