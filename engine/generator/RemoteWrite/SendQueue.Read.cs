using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

// Reading, and how far each target has come.
internal sealed partial class SendQueue
{
    /// <summary>
    /// The record a target is to get next: its payload (a snappy block) is put into <paramref name="payload"/>. False if it has
    /// had them all. A damaged record ends its segment; what it held is counted as dropped.
    /// </summary>
    public bool TryRead(int target, NativeBuffer payload, out QueueRecord record)
    {
        lock (_lock)
        {
            var reader = _readers[target];
            record = default;
            while (_segments.Find(segment => segment.Sequence >= reader.Position.Segment) is { } segment)
            {
                if (segment.Sequence > reader.Position.Segment)
                    MoveTo(reader, new QueuePosition(segment.Sequence, SendQueueFormat.SegmentHeaderBytes, reader.Position.UnixMs));
                if (reader.Position.Offset < segment.Length)
                {
                    if (TryReadAt(reader, segment, payload, out record)) return true;
                    reader.DroppedSamples += Math.Max(0, segment.Samples - reader.SamplesReadInSegment);
                }
                else if (segment == _segments[^1] && _writing is not null)
                {
                    return false;
                }

                MoveTo(reader, new QueuePosition(segment.Sequence + 1, SendQueueFormat.SegmentHeaderBytes, reader.Position.UnixMs));
                DeleteWhatAllHaveRead();
            }

            return false;
        }
    }

    /// <summary>
    /// The target has had the record. Durable when this returns without an error; segments that all have had are deleted.
    /// </summary>
    public DiskError Advance(int target, in QueueRecord record)
    {
        lock (_lock)
        {
            var reader = _readers[target];
            // It may have been dropped meanwhile.
            if (record.End.Segment < reader.Position.Segment) return DiskError.None;
            reader.SamplesReadInSegment += record.Counts.Total;
            reader.Position = record.End;
            var error = SavePosition(reader);
            DeleteWhatAllHaveRead();
            return error;
        }
    }

    /// <summary>Samples that wait for a target, and since when the oldest of them (0: none waits).</summary>
    public (long Samples, long OldestUnixMs, long DroppedSamples) Waiting(int target)
    {
        lock (_lock)
        {
            var reader = _readers[target];
            var samples = 0L;
            foreach (var segment in _segments)
                if (segment.Sequence >= reader.Position.Segment)
                    samples += segment.Samples - (segment.Sequence == reader.Position.Segment ? reader.SamplesReadInSegment : 0);
            return (samples, samples > 0 ? Math.Max(reader.Position.UnixMs, 1) : 0, reader.DroppedSamples);
        }
    }

    private bool TryReadAt(Reader reader, Segment segment, NativeBuffer payload, out QueueRecord record)
    {
        record = default;
        Span<byte> header = stackalloc byte[SendQueueFormat.RecordHeaderBytes];
        if (!OpenFor(reader, segment) || !ReadExactly(reader.File!, reader.Position.Offset, header)) return false;
        var behind = segment.Length - reader.Position.Offset - header.Length;
        if (!SendQueueFormat.TryReadRecordHeader(header, behind, out var bytes, out var unixMs, out var counts)) return false;
        payload.Clear();
        var destination = payload.GetSpan(bytes)[..bytes];
        if (!ReadExactly(reader.File!, reader.Position.Offset + header.Length, destination)
            || !SendQueueFormat.IsWhole(header, destination))
            return false;
        payload.Advance(bytes);
        record = new QueueRecord(
            new QueuePosition(segment.Sequence, reader.Position.Offset + header.Length + bytes, unixMs), counts, unixMs);
        return true;
    }

    private bool OpenFor(Reader reader, Segment segment)
    {
        if (reader.File is not null && reader.FileSegment == segment.Sequence) return true;
        reader.CloseFile();
        if (_disk.TryOpen(PathOf(segment.Sequence), writable: false, out var file) != DiskError.None) return false;
        (reader.File, reader.FileSegment) = (file, segment.Sequence);
        return true;
    }

    private static bool ReadExactly(IDiskFile file, long offset, Span<byte> destination) =>
        file.Read(offset, destination, out var count) == DiskError.None && count == destination.Length;

    private static void MoveTo(Reader reader, QueuePosition position)
    {
        reader.Position = position;
        reader.SamplesReadInSegment = 0;
        reader.CloseFile();
    }

    private void DeleteWhatAllHaveRead()
    {
        while (_segments.Count > 0 && _readers.Length > 0)
        {
            var first = _segments[0];
            var isWritten = _segments.Count == 1 && _writing is not null;
            if (isWritten || _readers.Any(
                reader => reader.Position.Segment < first.Sequence
                    || (reader.Position.Segment == first.Sequence && reader.Position.Offset < first.Length)))
                return;
            foreach (var reader in _readers)
                if (reader.FileSegment == first.Sequence) reader.CloseFile();
            Delete(first);
        }
    }

    private DiskError SavePosition(Reader reader)
    {
        var error = DiskError.None;
        if (reader.PositionFile is null)
        {
            error = _disk.TryAllocate(PositionPath(reader), 2 * SendQueueFormat.SlotDistanceBytes, out var file);
            if (error == DiskError.None) error = _disk.SyncFolder(_folder);
            if (error != DiskError.None)
            {
                file?.Dispose();
                return error;
            }

            reader.PositionFile = file;
        }

        Span<byte> slot = stackalloc byte[SendQueueFormat.SlotBytes];
        var number = ++reader.PositionNumber;
        SendQueueFormat.WritePosition(slot, number, reader.Position);
        error = Write(reader.PositionFile!, slot, (long)(number % 2) * SendQueueFormat.SlotDistanceBytes);
        if (error == DiskError.None) error = reader.PositionFile!.Sync();
        if (error == DiskError.None) return error;
        reader.PositionFile!.Dispose();
        reader.PositionFile = null;
        return error;
    }

    private string PositionPath(Reader reader) => $"{_folder}/{PositionName(reader.Target)}";

    private static string PositionName(ulong target) => $"sent-{target:x16}";

    private sealed class Reader(ulong target) : IDisposable
    {
        public ulong Target => target;

        public QueuePosition Position { get; set; }

        /// <summary>Of the segment of <see cref="Position"/>, as far as this process knows.</summary>
        public long SamplesReadInSegment { get; set; }

        public long DroppedSamples { get; set; }

        public IDiskFile? File { get; set; }

        public ulong FileSegment { get; set; }

        public IDiskFile? PositionFile { get; set; }

        public ulong PositionNumber { get; set; }

        public void CloseFile()
        {
            File?.Dispose();
            File = null;
        }

        public void Dispose()
        {
            CloseFile();
            PositionFile?.Dispose();
        }
    }
}
