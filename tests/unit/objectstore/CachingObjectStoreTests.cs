using Tempo.Engine.Foundation;
using Tempo.Testing;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>A store behind caches answers what the store answers, and asks it less.</summary>
public sealed class CachingObjectStoreTests : IAsyncLifetime
{
    private const int Chunk = CachedObjectReader.ChunkBytes;
    private static readonly ObjectKey Data = ObjectKey.Parse("t/b/data.parquet");
    private static readonly ObjectKey Meta = ObjectKey.Parse("t/b/meta.json");
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-caching-").FullName;
    private CountingStore _store = null!;
    private DiskPartCache _near = null!, _far = null!;
    private CachingObjectStore _caching = null!;

    public ValueTask InitializeAsync()
    {
        _store = new CountingStore(LocalObjectStore.Open(Path.Combine(_folder, "store")));
        _near = DiskPartCache.Open(Path.Combine(_folder, "near"), 100 << 20);
        _far = DiskPartCache.Open(Path.Combine(_folder, "far"), 100 << 20);
        var all = Enum.GetValues<CacheRole>().ToHashSet();
        _caching = new CachingObjectStore(_store, [new(_near, new HashSet<CacheRole> { CacheRole.ParquetFooter }), new(_far, all)], RoleOf,
            new WriteBackOptions(), new CacheMetrics(new MetricRegistry()));
        return ValueTask.CompletedTask;

        static CacheRole? RoleOf(ObjectKey key, bool reachesEnd) =>
            key == Data ? reachesEnd ? CacheRole.ParquetFooter : CacheRole.ParquetPage : null;
    }

    public async ValueTask DisposeAsync()
    {
        await _caching.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Chunks_are_asked_for_once_and_those_that_are_missing_side_by_side_in_one_request()
    {
        var content = await PutAsync(5 * Chunk + 100);
        await ReadAsync(2L * Chunk, Chunk, content);
        await WrittenAsync(Chunk);
        await ReadAsync(0, content.Length, content); // 0..1 and 3..5 are missing
        Assert.Equal(3, _store.Reads);
        await WrittenAsync(content.Length);
        await ReadAsync(0, content.Length, content);
        Assert.Equal(3, _store.Reads);
    }

    [Fact]
    public async Task A_far_cache_fills_the_near_one_with_what_belongs_there()
    {
        var content = await PutAsync(Chunk + 100);
        await ReadAsync(0, content.Length, content);
        await WrittenAsync(content.Length);
        await ReadAsync(Chunk, 100, content);
        await WrittenAsync(100, _near, 20);
        Assert.Equal(1, _store.Reads);
    }

    [Fact]
    public async Task What_may_change_is_never_kept()
    {
        await _caching.PutAsync(Meta, new byte[] { 1 });
        Assert.Equal([1], await _caching.TryGetAsync(Meta, 10));
        await _caching.PutAsync(Meta, new byte[] { 2 });
        Assert.Equal([2], await _caching.TryGetAsync(Meta, 10));
    }

    [Fact]
    public async Task An_object_that_is_shorter_than_its_reader_thought_is_read_as_the_store_reads_it()
    {
        var content = await PutAsync(Chunk + 100);
        for (var round = 0; round < 2; round++)
            Assert.Equal(content, Joined(await _caching.GetChunksAsync(Data, 0, 3 * Chunk)));
    }

    [Theory]
    [InlineData(0, 100)]
    [InlineData(7, Chunk)]
    [InlineData(Chunk - 3, 200)]
    public async Task Ranges_that_are_no_chunks_are_kept_as_they_were_asked_for(int offset, int count)
    {
        var content = await PutAsync(Chunk + 100);
        var expected = content.AsSpan(offset, Math.Min(count, content.Length - offset)).ToArray();
        for (var round = 0; round < 2; round++)
        {
            var destination = new byte[count];
            Assert.Equal(expected.Length, await _caching.GetRangeAsync(Data, offset, destination));
            Assert.Equal(expected, destination[..expected.Length]);
            Array.Clear(destination); // what is kept is not the reader's memory
            await WrittenAsync(expected.Length);
            await _store.DeleteAsync(Data); // from here on only the cache has it
        }
    }

    [Fact]
    public async Task The_stores_errors_are_the_callers()
    {
        var error = await Assert.ThrowsAsync<ObjectStoreException>(async () => await _caching.GetChunksAsync(Data, 0, Chunk));
        Assert.Equal(ObjectStoreError.NotFound, error.Error);
        Assert.Null(await _caching.TryGetAsync(Data, 100));
    }

    private async Task<byte[]> PutAsync(int size)
    {
        var content = new byte[size];
        new Random(size).NextBytes(content);
        await _caching.PutAsync(Data, content);
        return content;
    }

    private async Task ReadAsync(long offset, int count, byte[] content)
    {
        var read = Joined(await _caching.GetChunksAsync(Data, offset, count));
        Assert.True(content.AsSpan((int)offset, count).SequenceEqual(read));
    }

    private static byte[] Joined(IReadOnlyList<ReadOnlyMemory<byte>> chunks) => [.. chunks.SelectMany(static chunk => chunk.ToArray())];

    // Caches are written behind the reader's back.
    private async Task WrittenAsync(int bytes, DiskPartCache? cache = null, int more = 1000)
    {
        cache ??= _far;
        for (var i = 0; i < 3000 && cache.Bytes < bytes; i++) await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.InRange(cache.Bytes, bytes, bytes + more);
    }

    private sealed class CountingStore(IObjectStore inner) : PassThroughStore(inner)
    {
        private int _reads;

        public int Reads => _reads;

        public override ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> GetChunksAsync(
            ObjectKey key, long offset, int count, CancellationToken cancellation = default)
        {
            Interlocked.Increment(ref _reads);
            return base.GetChunksAsync(key, offset, count, cancellation);
        }
    }
}
