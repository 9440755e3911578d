using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>
/// What came from a service is in memory once: the array that it was read into is what queries, the cache in memory and those outside of it
/// have. All that is below here answers at once, so that everything is allocated by this thread, but for the disk, for which nothing else
/// runs beside these.
/// </summary>
[Collection(nameof(CopyTests))]
[CollectionDefinition(nameof(CopyTests), DisableParallelization = true)]
public sealed class CopyTests : IAsyncDisposable
{
    private const int Chunk = CachedObjectReader.ChunkBytes, SizeBytes = 20 * Chunk + 1000;
    private static readonly ObjectKey Key = ObjectKey.Parse("t/b/data.parquet");
    private readonly KeepingCache _outside = new();
    private readonly RangeCache _memory = new(1L << 30);
    private readonly CachingObjectStore _caching;
    private readonly CachedObjectReader _reader;

    public CopyTests()
    {
        var service = new RemoteObjectStore(new Service(), new RemoteOptions(), TimeProvider.System, new Random(1));
        _caching = new CachingObjectStore(
            service, [new(_outside, new HashSet<CacheRole> { CacheRole.ParquetPage, CacheRole.ParquetFooter })],
            static (_, reachesEnd) => reachesEnd ? CacheRole.ParquetFooter : CacheRole.ParquetPage,
            new WriteBackOptions(), new CacheMetrics(new MetricRegistry()));
        _reader = new CachedObjectReader(_caching, Key, SizeBytes, _memory);
    }

    public ValueTask DisposeAsync() => _caching.DisposeAsync();

    [Fact]
    public async Task Each_byte_is_allocated_once_when_it_comes_from_the_service_and_never_again()
    {
        var (fetched, allocated) = Fetch(_reader);
        Assert.InRange(allocated, SizeBytes, SizeBytes + SizeBytes / 20);
        for (var i = 0; i < 6000 && _outside.Parts < fetched.Count; i++) await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.All(fetched, chunk => Assert.Same(chunk.Array, _outside.ArrayOf($"{Key}:{chunk.Offset / Chunk}")));

        var (again, fromMemory) = Fetch(_reader);
        Assert.InRange(fromMemory, 0, SizeBytes / 20);
        Assert.Equal(fetched, again);

        // With an empty memory, what the cache outside answers is what the reader has.
        var (outside, fromOutside) = Fetch(new CachedObjectReader(_caching, Key, SizeBytes, new RangeCache(1L << 30)));
        Assert.InRange(fromOutside, 0, SizeBytes / 20);
        Assert.Equal(fetched, outside);
    }

    [Fact]
    public void A_chunk_that_is_kept_keeps_no_other_one_alive()
    {
        Assert.All(Fetch(_reader).Fetched, static chunk => Assert.InRange(chunk.Array.Length, 1, Chunk));
        Assert.Equal(SizeBytes, _memory.Bytes);
    }

    [Fact]
    public async Task A_part_is_copied_neither_on_its_way_to_the_disk_nor_back()
    {
        var folder = Directory.CreateTempSubdirectory("tempo-copies-").FullName;
        await using (var cache = DiskPartCache.Open(folder, 1L << 30))
        {
            var content = new byte[16 * Chunk];
            var (put, got) = (long.MaxValue, long.MaxValue);
            for (var i = 0; i < 10; i++)
            {
                var before = GC.GetTotalAllocatedBytes(precise: true);
                await cache.PutAsync($"{i}", content, default);
                put = Math.Min(put, GC.GetTotalAllocatedBytes(precise: true) - before);
                before = GC.GetTotalAllocatedBytes(precise: true);
                Assert.Equal(content.Length, (await cache.TryGetAsync($"{i}", default))!.Value.Length);
                got = Math.Min(got, GC.GetTotalAllocatedBytes(precise: true) - before);
            }

            Assert.InRange(put, 0, content.Length / 10);
            Assert.InRange(got, content.Length, content.Length + content.Length / 10);
        }

        Directory.Delete(folder, recursive: true);
    }

    private static (List<(long Offset, byte[] Array)> Fetched, long Allocated) Fetch(CachedObjectReader reader)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var running = reader.FetchAsync([(0, SizeBytes)]);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(running.IsCompletedSuccessfully);
        return ([.. running.Result.Select(static chunk => (chunk.Offset, ArrayOf(chunk.Bytes)))], allocated);
    }

    private static byte[] ArrayOf(ReadOnlyMemory<byte> memory) => MemoryMarshal.TryGetArray(memory, out var array) ? array.Array! : [];

    /// <summary>A cache that has what it was given, and nothing made of it.</summary>
    private sealed class KeepingCache : IPartCache
    {
        private readonly Dictionary<string, ReadOnlyMemory<byte>> _parts = [];

        public string Name => "kept";

        public int Parts
        {
            get
            {
                lock (_parts) return _parts.Count;
            }
        }

        public byte[] ArrayOf(string name)
        {
            lock (_parts) return CopyTests.ArrayOf(_parts[name]);
        }

        public ValueTask<ReadOnlyMemory<byte>?> TryGetAsync(string name, CancellationToken cancellation)
        {
            lock (_parts) return new(_parts.TryGetValue(name, out var part) ? part : default(ReadOnlyMemory<byte>?));
        }

        public ValueTask PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            lock (_parts) _parts[name] = content;
            return default;
        }

        public ValueTask DisposeAsync() => default;
    }

    /// <summary>A service with a body that is read as one that comes off a connection is.</summary>
    private sealed class Service : IRemoteObjects
    {
        private readonly byte[] _content = new byte[SizeBytes];

        public async Task<RemoteRange> GetRangeAsync(string name, long offset, ReadTarget destination, CancellationToken cancellation)
        {
            await RemoteBody.ReadAsync(
                new MemoryStream(_content, (int)offset, destination.Length), destination.First(destination.Length), cancellation);
            return new RemoteRange(destination.Length, SizeBytes, "");
        }

        public RemoteFault Classify(Exception exception, out TimeSpan retryAfter)
        {
            retryAfter = default;
            return RemoteFault.Unknown;
        }

        public Task PutAsync(string name, ReadOnlyMemory<byte> content, PutCondition condition, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<IRemoteUpload> BeginUploadAsync(string name, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<ObjectInfo> GetInfoAsync(string name, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<RemotePage> ListAsync(string prefix, bool recursive, string? continuation, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task DeleteAsync(string name, CancellationToken cancellation) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
