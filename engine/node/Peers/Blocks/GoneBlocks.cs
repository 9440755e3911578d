using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Answers;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Engine.Node.Peers.Blocks;

/// <summary>
/// Blocks that peers have uploaded, and go on telling of, and that are not in the store any more. Once the store was listed since one was
/// found to be gone, what it became is in the view. Thread safe.
/// </summary>
internal sealed class GoneBlocks(BlockStore shared, TimeProvider time) : IDisposable
{
    /// <summary>Metas that are asked for at once.</summary>
    private const int MaxParallelReads = 50;

    private readonly Lock _lock = new();
    private readonly Dictionary<BlockId, Gone> _gone = [];
    private readonly SemaphoreSlim _looking = new(1, 1);
    private readonly Dictionary<TenantId, long> _looked = []; // when the last look at a tenant's blocks began; of who holds _looking

    public void Dispose() => _looking.Dispose();

    /// <summary>
    /// Looks which of the tenants' blocks that peers tell of are gone, as far as the store answers. Asks for each: for after one
    /// of them could not be read. Who waited while another one looked has what that one found.
    /// </summary>
    /// <param name="tenants">Whose.</param>
    /// <param name="told">The blocks that peers tell of, of all tenants; a block may come twice.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task LookAsync(TenantSet tenants, Func<IEnumerable<BlockMeta>> told, CancellationToken cancellation)
    {
        var called = time.GetTimestamp();
        await _looking.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            TenantId[] asked = [.. tenants.Tenants.Where(tenant => !_looked.TryGetValue(tenant, out var at) || at < called)];
            if (asked.Length == 0) return;
            var now = time.GetTimestamp();
            foreach (var tenant in asked) _looked[tenant] = now;
            var there = told().Where(meta => asked.Contains(meta.Tenant) && !IsGone(meta.BlockId)).DistinctBy(static meta => meta.BlockId);
            foreach (var some in there.Chunk(MaxParallelReads)) await LookForAsync(some, cancellation).ConfigureAwait(false);
        }
        catch (ObjectStoreException)
        {
            // The others may be there.
        }
        finally
        {
            _looking.Release();
        }
    }

    /// <summary>Once the store was listed since a block was found to be gone, who goes on telling of it is not believed.</summary>
    public void NoteListing(Func<long, bool> isListedSince)
    {
        lock (_lock)
        {
            foreach (var (block, gone) in _gone.ToList())
            {
                if (time.GetElapsedTime(gone.At) > RecentBlocks.Kept * 2) _gone.Remove(block); // for longer than anybody tells of a block
                else if (!gone.IsListed && isListedSince(gone.At)) _gone[block] = gone with { IsListed = true };
            }
        }
    }

    /// <summary>It is gone, and what it became is in the view.</summary>
    public bool IsOver(BlockId block)
    {
        lock (_lock) return _gone.TryGetValue(block, out var gone) && gone.IsListed;
    }

    private bool IsGone(BlockId block)
    {
        lock (_lock) return _gone.ContainsKey(block);
    }

    private async Task LookForAsync(BlockMeta[] some, CancellationToken cancellation)
    {
        var found = await Task.WhenAll(
            some.Select(meta => shared.TryReadMetaAsync(meta.Tenant, meta.BlockId, static _ => { }, cancellation))).ConfigureAwait(false);
        lock (_lock)
        {
            for (var i = 0; i < some.Length; i++)
                if (found[i] is null) _gone.TryAdd(some[i].BlockId, new Gone(time.GetTimestamp(), IsListed: false));
        }
    }

    // When it was found, and whether the store was listed since.
    private readonly record struct Gone(long At, bool IsListed);
}
