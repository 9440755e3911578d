using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

// What an earlier process left behind.
internal sealed partial class SendQueue
{
    private DiskError Recover()
    {
        var error = _disk.TryList(_folder, out var names);
        if (error != DiskError.None) return error;
        foreach (var reader in _readers) RecoverPosition(reader);
        foreach (var name in names)
        {
            if (SendQueueFormat.TryParseSegmentName(name, out var sequence)) RecoverSegment(sequence);
            else if (name.StartsWith("sent-", StringComparison.Ordinal) && !_readers.Any(reader => PositionName(reader.Target) == name))
                _ = _disk.TryDelete($"{_folder}/{name}");
        }

        // The number of a deleted segment is never given again, or a position could point into another one.
        foreach (var reader in _readers) _nextSequence = Math.Max(_nextSequence, reader.Position.Segment + 1);
        DeleteWhatAllHaveRead();
        return DiskError.None;
    }

    private void RecoverPosition(Reader reader)
    {
        if (_disk.TryOpen(PositionPath(reader), writable: true, out var file) != DiskError.None) return;
        reader.PositionFile = file;
        Span<byte> slot = stackalloc byte[SendQueueFormat.SlotBytes];
        for (var i = 0; i < 2; i++)
        {
            if (!ReadExactly(file!, i * SendQueueFormat.SlotDistanceBytes, slot)
                || !SendQueueFormat.TryReadPosition(slot, out var number, out var position))
                continue;
            if (number <= reader.PositionNumber) continue;
            (reader.PositionNumber, reader.Position) = (number, position);
        }

        LastUnixMs = Math.Max(LastUnixMs, reader.Position.UnixMs);
    }

    // Every record is checked, so that the counts are those of what can be sent. Only what was under way when the process
    // died can be torn, and that was not committed.
    private void RecoverSegment(ulong sequence)
    {
        _nextSequence = Math.Max(_nextSequence, sequence + 1);
        if (_disk.TryOpen(PathOf(sequence), writable: false, out var file) != DiskError.None) return;
        using (file)
        {
            var segment = new Segment(sequence, file!.Length) { Length = SendQueueFormat.SegmentHeaderBytes };
            Span<byte> header = stackalloc byte[SendQueueFormat.RecordHeaderBytes];
            var start = header[..SendQueueFormat.SegmentHeaderBytes];
            if (!ReadExactly(file, 0, start) || !SendQueueFormat.IsSegment(start, sequence))
            {
                _ = _disk.TryDelete(PathOf(sequence));
                return;
            }

            while (ReadExactly(file, segment.Length, header)
                   && SendQueueFormat.TryReadRecordHeader(
                       header, file.Length - segment.Length - header.Length, out var bytes, out var unixMs, out var counts)
                   && IsWholeAt(file, segment.Length, header, bytes))
            {
                segment.Length += header.Length + bytes;
                segment.Samples += counts.Total;
                LastUnixMs = Math.Max(LastUnixMs, unixMs);
                foreach (var reader in _readers)
                    if (reader.Position.Segment == sequence && reader.Position.Offset >= segment.Length)
                        reader.SamplesReadInSegment += counts.Total;
            }

            _segments.Add(segment);
            CountDamage(file, segment);
        }
    }

    // Whole records behind one that is not were there once, and are not sent. What was under way when a process died is torn, too, but
    // there is nothing behind it.
    private void CountDamage(IDiskFile file, Segment segment)
    {
        var lost = 0L;
        Span<byte> header = stackalloc byte[SendQueueFormat.RecordHeaderBytes];
        for (var offset = segment.Length; TryFindRecord(file, ref offset);)
        {
            if (!ReadExactly(file, offset, header) || !SendQueueFormat.TryReadRecordHeader(
                header, file.Length - offset - header.Length, out var bytes, out _, out var counts))
            {
                offset++;
                continue;
            }

            var isWhole = IsWholeAt(file, offset, header, bytes);
            // Of the damaged one itself the counts are as good as its header.
            if (isWhole || offset == segment.Length) lost += counts.Total;
            offset += isWhole ? header.Length + bytes : 1;
        }

        if (lost == 0) return;
        DamagedSamples += lost;
        foreach (var reader in _readers)
            if (reader.Position.Segment < segment.Sequence
                || (reader.Position.Segment == segment.Sequence && reader.Position.Offset <= segment.Length))
                reader.DroppedSamples += lost;
    }

    private static bool TryFindRecord(IDiskFile file, ref long offset)
    {
        const int step = 64 * 1024;
        var bytes = new byte[step];
        while (offset < file.Length)
        {
            var part = bytes.AsSpan(0, (int)Math.Min(step, file.Length - offset));
            if (!ReadExactly(file, offset, part)) return false;
            if (SendQueueFormat.IndexOfRecord(part) is >= 0 and var at)
            {
                offset += at;
                return true;
            }

            // The mark may lie across the end of the part.
            offset += part.Length < step ? part.Length : step - SendQueueFormat.MarkBytes + 1;
        }

        return false;
    }

    private bool IsWholeAt(IDiskFile file, long offset, ReadOnlySpan<byte> header, int payloadBytes)
    {
        _record.Clear();
        var payload = _record.GetSpan(payloadBytes)[..payloadBytes];
        return ReadExactly(file, offset + header.Length, payload) && SendQueueFormat.IsWhole(header, payload);
    }
}
