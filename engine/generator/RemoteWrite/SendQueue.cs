using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>Bounds of a <see cref="SendQueue"/>.</summary>
public sealed record SendQueueOptions
{
    /// <summary>
    /// Disk space of one tenant. At the bound the oldest segment is dropped and its unsent samples are counted: what is
    /// generated now matters more, and order is kept. Four gigabytes are some hours of 100,000 series.
    /// </summary>
    public long MaxBytes { get; init; } = 4L << 30;

    public long SegmentBytes { get; init; } = 8 << 20;
}

/// <summary>A record that was read.</summary>
internal readonly record struct QueueRecord(QueuePosition End, BatchCounts Counts, long UnixMs);

/// <summary>
/// A tenant's batches on disk, in order, until every target has had them. One writer (the collection), one reader a
/// target. What <see cref="Commit"/> has made durable survives a crash; so does how far each target has come, so that
/// after one at most the batch under way is sent again, which a receiver takes for what it has. Thread safe.
/// </summary>
internal sealed partial class SendQueue : IDisposable
{
    private readonly Lock _lock = new();
    private readonly IDisk _disk;
    private readonly string _folder;
    private readonly SendQueueOptions _options;
    private readonly List<Segment> _segments = [];
    private readonly Reader[] _readers;
    private readonly NativeBuffer _record = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IDiskFile? _writing;
    private ulong _nextSequence = 1;

    private SendQueue(IDisk disk, string folder, SendQueueOptions options, IReadOnlyList<ulong> targets)
    {
        _disk = disk;
        _folder = folder;
        _options = options;
        _readers = [.. targets.Select(target => new Reader(target))];
    }

    /// <summary>Time of the latest samples that were ever put in, as far as the disk knows; 0 if there were none.</summary>
    public long LastUnixMs { get; private set; }

    /// <summary>Samples in records that were found damaged, or lie behind one in its segment: they are not sent.</summary>
    public long DamagedSamples { get; private set; }

    /// <summary>Every target has had everything.</summary>
    public bool IsEmpty => !Enumerable.Range(0, _readers.Length).Any(target => Waiting(target).Samples > 0);

    /// <summary>Space on disk.</summary>
    public long SizeBytes
    {
        get
        {
            lock (_lock) return _segments.Sum(static segment => segment.AllocatedBytes);
        }
    }

    /// <summary>
    /// Opens a tenant's queue, or makes it. <paramref name="targets"/> are stable ids; what an earlier target had not been sent
    /// yet is not kept for it. Null with the error if the folder cannot be used.
    /// </summary>
    public static SendQueue? Open(IDisk disk, string folder, SendQueueOptions options, IReadOnlyList<ulong> targets, out DiskError error)
    {
        var queue = new SendQueue(disk, folder, options, targets);
        error = disk.TryCreateFolder(folder);
        if (error == DiskError.None) error = queue.Recover();
        if (error == DiskError.None) return queue;
        queue.Dispose();
        return null;
    }

    /// <summary>Puts a WriteRequest at the end. Not durable before <see cref="Commit"/>; after an error it is not there.</summary>
    public DiskError Append(ReadOnlySpan<byte> writeRequest, BatchCounts counts, long unixMs)
    {
        lock (_lock)
        {
            _record.Clear();
            var room = _record.GetSpan(SendQueueFormat.RecordHeaderBytes + Snappy.MaxCompressedLength(writeRequest.Length));
            var payload = room[SendQueueFormat.RecordHeaderBytes..];
            payload = payload[..Snappy.Compress(writeRequest, payload)];
            SendQueueFormat.WriteRecordHeader(room[..SendQueueFormat.RecordHeaderBytes], payload, unixMs, counts);
            _record.Advance(SendQueueFormat.RecordHeaderBytes + payload.Length);
            var error = MakeRoom(_record.Length);
            if (error == DiskError.None) error = Write(_writing!, _record.Written, _segments[^1].Length);
            if (error != DiskError.None)
            {
                CloseWriting();
                return error;
            }

            Failpoints.Hit(Failpoint.QueueAppended);
            _segments[^1].Length += _record.Length;
            _segments[^1].Samples += counts.Total;
            LastUnixMs = Math.Max(LastUnixMs, unixMs);
            return DiskError.None;
        }
    }

    /// <summary>Makes what was appended durable and tells the readers.</summary>
    public DiskError Commit()
    {
        lock (_lock)
        {
            var error = _writing?.Sync() ?? DiskError.None;
            Failpoints.Hit(Failpoint.QueueSynced);
            // A file whose sync failed is not written any more; what it holds can still be read and sent.
            if (error != DiskError.None) CloseWriting();
            SignalChange();
            return error;
        }
    }

    /// <summary>Completes when there may be something new to read, or the queue was told to wake its readers.</summary>
    public Task WaitAsync()
    {
        lock (_lock) return _changed.Task;
    }

    /// <summary>Lets every reader look again.</summary>
    public void Wake()
    {
        lock (_lock) SignalChange();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            CloseWriting();
            DeleteWhatAllHaveRead();
            foreach (var reader in _readers) reader.Dispose();
            _record.Dispose();
        }
    }

    private void SignalChange()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private DiskError MakeRoom(int recordBytes)
    {
        if (_writing is not null && _segments[^1].Length + recordBytes <= _segments[^1].AllocatedBytes) return DiskError.None;
        if (_writing is not null)
        {
            var synced = _writing.Sync();
            CloseWriting();
            if (synced != DiskError.None) return synced;
        }

        var bytes = Math.Max(_options.SegmentBytes, SendQueueFormat.SegmentHeaderBytes + recordBytes);
        while (_segments.Count > 0 && _segments.Sum(static segment => segment.AllocatedBytes) + bytes > _options.MaxBytes) DropOldest();
        return StartSegment(bytes);
    }

    private DiskError StartSegment(long bytes)
    {
        var sequence = _nextSequence++;
        var error = _disk.TryAllocate(PathOf(sequence), bytes, out var file);
        if (error != DiskError.None) return error;
        Span<byte> header = stackalloc byte[SendQueueFormat.SegmentHeaderBytes];
        SendQueueFormat.WriteSegmentHeader(header, sequence);
        error = Write(file!, header, 0);
        if (error == DiskError.None) error = _disk.SyncFolder(_folder);
        if (error != DiskError.None)
        {
            file!.Dispose();
            _ = _disk.TryDelete(PathOf(sequence));
            return error;
        }

        _writing = file;
        Failpoints.Hit(Failpoint.QueueSegment);
        _segments.Add(new Segment(sequence, bytes) { Length = SendQueueFormat.SegmentHeaderBytes });
        return DiskError.None;
    }

    private void CloseWriting()
    {
        _writing?.Dispose();
        _writing = null;
    }

    private void DropOldest()
    {
        var oldest = _segments[0];
        if (_segments.Count == 1) CloseWriting();
        for (var target = 0; target < _readers.Length; target++)
        {
            var reader = _readers[target];
            if (reader.Position.Segment > oldest.Sequence) continue;
            reader.DroppedSamples += oldest.Samples - (reader.Position.Segment == oldest.Sequence ? reader.SamplesReadInSegment : 0);
            MoveTo(reader, new QueuePosition(oldest.Sequence + 1, SendQueueFormat.SegmentHeaderBytes, reader.Position.UnixMs));
        }

        Delete(oldest);
    }

    private void Delete(Segment segment)
    {
        _segments.Remove(segment);
        _ = _disk.TryDelete(PathOf(segment.Sequence));
        _ = _disk.SyncFolder(_folder);
    }

    private string PathOf(ulong sequence) => $"{_folder}/{SendQueueFormat.SegmentName(sequence)}";

    // The pointer is good for the call: the span is pinned.
    private static unsafe DiskError Write(IDiskFile file, ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* pointer = bytes) return file.Write([new IoSlice(pointer, bytes.Length)], offset);
    }

    private sealed class Segment(ulong sequence, long allocatedBytes)
    {
        public ulong Sequence => sequence;

        public long AllocatedBytes => allocatedBytes;

        /// <summary>Bytes of header and whole records.</summary>
        public long Length { get; set; }

        public long Samples { get; set; }
    }
}
