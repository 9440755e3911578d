using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Testing;

namespace Tempo.Storage.Tests;

/// <summary>
/// A trace by its id from a block that is far away, and scans of it: three round trips for a row group, not one for each column.
/// </summary>
public sealed class PrefetchTests
{
    [Fact]
    public void A_row_of_a_far_block_takes_three_round_trips()
    {
        var requests = new RandomRequests(3, traceCount: 80);
        var batch = new LiveBatch();
        for (var i = 0; i < 60; i++) batch.Append(requests.Next(), 64);
        var block = MemoryBlock.Write(
            new BlockWriterOptions { PageSpans = 10, RowGroupSpans = 100, DedicatedColumns = TestColumns.Some }, [Spans.View(batch)]);
        var source = new FarSource(block.Data);
        using var reader =
            new BlockReader(block.Meta(), source, [], [], BlockSidecar.Of(block.Sidecar, block.Meta(), new SidecarCache(1 << 20)));
        using var near = block.Open();
        Assert.True(reader.RowGroupCount > 2, $"{reader.RowGroupCount} row groups");
        foreach (var id in block.Ids)
        {
            RowGroupReader? rows = null;
            source.Forget();
            var (group, row) = reader.Find(id, (opened, number) => rows = opened.OpenRowGroup(number));
            var read = rows!.Read(row, 1, BatchColumns.All);
            Assert.True(source.RoundTrips <= 3, $"{source.RoundTrips} round trips");
            Assert.Equal(Describe(near.OpenRowGroup(group).Read(row, 1, BatchColumns.All)), Describe(read));
        }
    }

    // Also where the first find, which makes it read more, comes late.
    [Theory]
    [InlineData(BatchColumns.Starts, null, 0)]
    [InlineData(BatchColumns.Starts | BatchColumns.Durations, "attributes", 0)]
    [InlineData(BatchColumns.Starts | BatchColumns.TreeNumbers | BatchColumns.Name | BatchColumns.Roots, "attributes", 0)]
    [InlineData(BatchColumns.Starts | BatchColumns.TreeNumbers | BatchColumns.Name | BatchColumns.Roots, "attributes", 2)]
    [InlineData(BatchColumns.All, null, 1)]
    public void A_scan_of_a_far_block_takes_three_round_trips_a_row_group(BatchColumns columns, string? attributes, int firstFind)
    {
        var requests = new RandomRequests(3, traceCount: 200);
        var batch = new LiveBatch();
        for (var i = 0; i < 120; i++) batch.Append(requests.Next(), 64);
        var block = MemoryBlock.Write(
            new BlockWriterOptions { PageSpans = 10, RowGroupSpans = 50, DedicatedColumns = TestColumns.Some }, [Spans.View(batch)]);
        var (with, without) = (Scan(new ReadAhead()), Scan(null));
        Assert.True(with.RoundTrips.Count > 3, $"{with.RoundTrips.Count} row groups");
        Assert.Equal(without.Read, with.Read);
        Assert.All(with.RoundTrips, static trips => Assert.InRange(trips, 1, 3));
        Assert.All(
            without.RoundTrips.Skip(firstFind), static trips => Assert.True(trips > 6, $"{trips} round trips with nothing read ahead"));

        (List<int> RoundTrips, string Read) Scan(ReadAhead? ahead) =>
            ScanAll(block, new FarSource(block.Data), ahead, columns, attributes, firstFind);
    }

    // What is read ahead is new to the cache, which keeps what is asked for again.
    [Theory]
    [InlineData(0, BatchColumns.Starts, null, 0)]
    [InlineData(0, BatchColumns.Starts | BatchColumns.TreeNumbers | BatchColumns.Name | BatchColumns.Roots, "attributes", 2)]
    [InlineData(0, BatchColumns.All, null, 1)]
    [InlineData(4 << 20, BatchColumns.All, null, 1)]
    public void A_scan_takes_three_requests_a_row_group_however_small_or_full_the_cache_is(
        int cacheBytes, BatchColumns columns, string? attributes, int firstFind)
    {
        var requests = new RandomRequests(3, traceCount: 200);
        var batch = new LiveBatch();
        for (var i = 0; i < 120; i++) batch.Append(requests.Next(), 64);
        var block = MemoryBlock.Write(
            new BlockWriterOptions { PageSpans = 10, RowGroupSpans = 50, DedicatedColumns = TestColumns.Some }, [Spans.View(batch)]);
        var (roundTrips, read) = ScanAll(block, new CachedSource(block.Data, cacheBytes), new ReadAhead(), columns, attributes, firstFind);
        Assert.True(roundTrips.Count > 3, $"{roundTrips.Count} row groups");
        Assert.All(roundTrips, static trips => Assert.InRange(trips, 0, 3));
        Assert.Equal(ScanAll(block, new FarSource(block.Data), null, columns, attributes, firstFind).Read, read);
    }

    private static (List<int> RoundTrips, string Read) ScanAll(
        MemoryBlock block, ICountingSource source, ReadAhead? ahead, BatchColumns columns, string? attributes, int firstFind)
    {
        using var reader =
            new BlockReader(block.Meta(), source, [], [], BlockSidecar.Of(block.Sidecar, block.Meta(), new SidecarCache(1 << 20)));
        var (memory, page, trips, read) = (new ReadMemory(), new SpanBatch(), new List<int>(), new System.Text.StringBuilder());
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            source.Forget();
            var rows = reader.OpenRowGroup(group, memory, ahead);
            foreach (var (start, count) in rows.ScanRanges())
            {
                _ = rows.FactsOf(start, count).TraceTimes;
                rows.Approach(start, count, isScan: true);
                rows.OpenInto(page, start, count);
                page.Require(group < firstFind ? BatchColumns.Starts : columns);
                if (attributes is not null && group >= firstFind) page.RequireAttributes(AttributeScope.Span, AttributeParts.All);
                read.Append(System.Globalization.CultureInfo.InvariantCulture,
                    $"{page.SpanCount} {page.StartUnixNano[0]} {page.SpanAttributes.SizeBytes};");
            }

            trips.Add(source.RoundTrips);
        }

        return (trips, read.ToString());
    }

    private static string Describe(SpanBatch batch)
    {
        var context = new SpanContext();
        var trace = new OrderedTrace(context);
        var number = context.Add(batch);
        trace.Begin(batch.TraceIds[0]);
        for (var span = 0; span < batch.SpanCount; span++) trace.Add(new SpanRef(number, span));
        trace.Complete();
        using var buffer = new NativeBuffer();
        OtlpTraceWriter.Write(trace, buffer);
        return Convert.ToHexString(buffer.Written);
    }

    /// <summary>Counts prefetches, and reads of what was not prefetched; what was read once is at hand.</summary>
    private sealed class FarSource(byte[] data) : ICountingSource
    {
        private bool[] _isNear = new bool[data.Length];

        public long Length => data.Length;

        public bool IsFar => true;

        public int RoundTrips { get; private set; }

        public void Forget()
        {
            _isNear = new bool[data.Length];
            RoundTrips = 0;
        }

        public void Read(long offset, Span<byte> destination)
        {
            Bring([(offset, destination.Length)]);
            data.AsSpan((int)offset, destination.Length).CopyTo(destination);
        }

        public IReadOnlyList<FilePart> Fetch(IReadOnlyList<(long Offset, long Count)> ranges)
        {
            Bring(ranges);
            return [];
        }

        private void Bring(IReadOnlyList<(long Offset, long Count)> ranges)
        {
            var isNew = false;
            foreach (var (offset, count) in ranges)
            {
                var range = _isNear.AsSpan((int)offset, (int)count);
                isNew |= range.Contains(false);
                range.Fill(true);
            }

            if (isNew) RoundTrips++;
        }
    }
    private interface ICountingSource : IParquetSource
    {
        /// <summary>Since <see cref="Forget"/>.</summary>
        int RoundTrips { get; }

        void Forget();
    }

    /// <summary>
    /// As an object service is read, with a cache of so many bytes that is full of something else, which is asked for all the time.
    /// </summary>
    private sealed class CachedSource : PassThroughStore, ICountingSource
    {
        private static readonly ObjectKey Key = ObjectKey.Parse("data"), Other = ObjectKey.Parse("other");
        private readonly byte[] _data;
        private readonly RangeCache _cache;
        private readonly long _otherChunks;
        private readonly RemoteBlockSource _source;
        private int _requests;

        public CachedSource(byte[] data, int cacheBytes)
            : base(null!)
        {
            _data = data;
            _cache = new RangeCache(cacheBytes);
            _otherChunks = cacheBytes / CachedObjectReader.ChunkBytes;
            _source = new RemoteBlockSource(new CachedObjectReader(this, Key, data.Length, _cache), static () => false);
            Crowd();
        }

        public int RoundTrips => Volatile.Read(ref _requests);

        public long Length => _source.Length;

        public bool IsFar => true;

        public void Forget() => _requests = 0;

        public void Read(long offset, Span<byte> destination) => _source.Read(offset, destination);

        public IReadOnlyList<FilePart> Fetch(IReadOnlyList<(long Offset, long Count)> ranges)
        {
            var parts = _source.Fetch(ranges);
            Crowd();
            return parts;
        }

        public override ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> GetChunksAsync(
            ObjectKey key, long offset, int count, CancellationToken cancellation = default)
        {
            Interlocked.Increment(ref _requests);
            var chunks = ReadTarget.Chunks(count);
            chunks.Fill(_data.AsSpan((int)offset, count));
            return new(chunks.Filled(count));
        }

        // Others ask for theirs, and put what is missing of it.
        private void Crowd()
        {
            for (var chunk = 0L; chunk < _otherChunks; chunk++)
                if (_cache.TryGet(new(Other, chunk)) is null)
                    _cache.Put(new(Other, chunk), new byte[CachedObjectReader.ChunkBytes]);
        }
    }
}
