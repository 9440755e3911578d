using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// Reads the segments of a generation in order.
/// <code>
/// given   a segment's key (mark, generation, index), and the offset up to which it is known to be acknowledged
/// 1  a header that verifies here, and a payload that verifies: visit, go to the record's end
/// 2  a header that verifies, a payload that does not: a gap begins; its length is true all the same, go to its end
/// 3  no header: a gap begins; go to the next aligned place that bears the mark
/// 4  the next verified header, or the end of the file, ends the gap
/// 5  at the end the gaps are judged. Every verified header, and that of the next segment, says how far this one was
///    acknowledged when it was written: what of a gap lies below the furthest of these is damage. The rest nobody was
///    promised: a torn write, or the ordinary end with zeros or what an earlier life of the file left
/// †  a segment whose own header is damaged has no known mark. Its first whole record tells it: the header checksum is
///    bound to generation, index and offset, which the file's name and the place give. If there is none, all that is not zero
///    counts as lost: more than was, where the file was a recycled one
/// †  a file that is shorter than its header says has lost its end. A record that begins before it is lost, and what stands
///    above; of what stood behind nothing is known
/// </code>
/// </summary>
internal sealed class WalReplay(SegmentFolder folder, ulong generation, bool payloads)
{
    private const int MaxDamage = 100;

    private readonly List<WalDamage> _damage = [];
    private readonly Dictionary<uint, long> _acknowledged = [];
    private readonly TenantCache _tenants = new();
    private ulong _lastSequence;
    private long _records;
    private long _payloadBytes;
    private long _corruptBytes;

    // Of the segment at hand.
    private SegmentFile _entry = null!;
    private SegmentWindow _window = null!;
    private SegmentKey _key;
    private long _endBytes; // where the file ended when it was made, or ends now
    private readonly List<(long From, long To)> _gaps = [];

    public WalReplayReport Run(IReadOnlyList<SegmentFile> files, WalRecordVisitor visitor)
    {
        foreach (var entry in files) NoteAcknowledged(entry);
        using var memory = new NativeBuffer();
        foreach (var entry in files)
        {
            _entry = entry;
            var error = folder.Disk.TryOpen(folder.PathOf(entry.Name), writable: false, out var file);
            if (error != DiskError.None)
            {
                Damaged(0, 0, $"cannot be opened: {error}");
                continue;
            }

            using (file)
            {
                _window = new SegmentWindow(file!, memory);
                if (TryFindKey(out var acknowledged)) ReadRecords(acknowledged, visitor);
                if (_window.HasUnreadable) Damaged(0, 0, "has pages that cannot be read");
            }
        }

        return new WalReplayReport(_records, _payloadBytes, _corruptBytes, _damage);
    }

    // A segment's header tells about the one before it, so all headers are read first.
    private void NoteAcknowledged(SegmentFile entry)
    {
        if (folder.Disk.TryOpen(folder.PathOf(entry.Name), writable: false, out var file) != DiskError.None) return;
        using (file)
        {
            Span<byte> bytes = stackalloc byte[SegmentHeader.WholeSize];
            if (file!.Read(0, bytes, out var count) != DiskError.None || !SegmentHeader.TryRead(bytes[..count], out var header, out _))
                return;
            if (header.Key.Generation == generation && header.Key.Index == entry.Index)
                _acknowledged[header.PreviousIndex] = header.PreviousAcknowledgedBytes;
        }
    }

    private bool TryFindKey(out long acknowledged)
    {
        acknowledged = _acknowledged.GetValueOrDefault(_entry.Index);
        _key = new SegmentKey(0, generation, _entry.Index);
        _endBytes = _window.Length;
        if (SegmentHeader.TryRead(_window.Get(0, SegmentHeader.WholeSize), out var header, out var version)
            && header.Key.Generation == generation && header.Key.Index == _entry.Index)
        {
            _key = header.Key;
            _endBytes = Math.Max(_endBytes, header.SizeBytes);
            if (IsCutShort)
                Damaged(_window.Length, _endBytes - _window.Length,
                    $"the file is {_endBytes - _window.Length} bytes shorter than it was made");
            return true;
        }

        if (version is not 0 and not WalFormat.Version)
        {
            Damaged(0, _window.Length, $"has version {version} of the format; this build reads version {WalFormat.Version}");
            return false;
        }

        _corruptBytes += SegmentHeader.Size;
        Damaged(0, SegmentHeader.Size, "the segment header does not verify");
        return true;
    }

    private bool IsCutShort => _endBytes > _window.Length;

    private void ReadRecords(long acknowledged, WalRecordVisitor visitor)
    {
        _gaps.Clear();
        var position = (long)WalFormat.RecordsOffset;
        var gap = -1L;
        while (position < _window.Length)
        {
            if (!TryReadHeader(position, out var header))
            {
                if (gap < 0) gap = position;
                position = FindMark(position + WalFormat.Alignment);
                continue;
            }

            acknowledged = Math.Max(acknowledged, header.AcknowledgedBytes);
            if (gap >= 0) _gaps.Add((gap, position));
            gap = TryVisit(position, header, visitor) ? -1 : position;
            position += header.RecordBytes;
            // cut off, and not by the one who wrote it
            if (gap >= 0 && position > _window.Length) acknowledged = Math.Max(acknowledged, position);
        }

        if (gap < 0) gap = Math.Max(WalFormat.RecordsOffset, Math.Min(position, _window.Length));
        acknowledged = Math.Max(acknowledged, LostWithoutEvidence(gap));
        if (gap < Math.Max(_endBytes, acknowledged)) _gaps.Add((gap, Math.Max(_endBytes, acknowledged)));
        foreach (var (from, to) in _gaps) Judge(from, to, acknowledged);
    }

    // Up to where bytes are taken for records though nothing says that they were: see the daggers above.
    private long LostWithoutEvidence(long gap)
    {
        if (_key.Mark == 0) return LastNonZero(WalFormat.RecordsOffset) + 1;
        var bears = IsCutShort && _window.Get(gap, sizeof(ulong)) is { Length: sizeof(ulong) } start
            && BinaryPrimitives.ReadUInt64LittleEndian(start) == _key.Mark;
        return bears ? _window.Length : 0;
    }

    private long LastNonZero(long from)
    {
        var last = -1L;
        for (var position = from; position < _window.Length;)
        {
            var piece = _window.GetRest(position);
            var found = piece.LastIndexOfAnyExcept((byte)0);
            if (found >= 0) last = position + found;
            position += piece.Length;
        }

        return last;
    }

    private bool TryReadHeader(long position, out RecordHeader header)
    {
        var source = _window.Get(position, RecordHeader.MaxBytes);
        header = default;
        if (_key.Mark != 0) return RecordHeader.TryRead(source, _endBytes - position, _key, position, out header);

        if (source.Length < RecordHeader.MinRecordBytes) return false;
        var candidate = _key with { Mark = BinaryPrimitives.ReadUInt64LittleEndian(source) };
        if (candidate.Mark == 0 || !RecordHeader.TryRead(source, _window.Length - position, candidate, position, out header)) return false;
        var payload = _window.Get(position + header.PayloadOffset, header.PayloadBytes);
        if (Crc32C.Compute(payload) != header.PayloadCrc) return false;
        _key = candidate;
        return true;
    }

    private bool TryVisit(long position, in RecordHeader header, WalRecordVisitor visitor)
    {
        // The checksum makes both of these as good as impossible; visiting twice or for nobody would be worse than a gap.
        if (header.Sequence <= _lastSequence) return false;
        if (!_tenants.TryGet(header.Tenant(_window.Get(position, header.PayloadOffset)), out var tenant)) return false;

        if (position + header.PayloadOffset + header.PayloadBytes > _window.Length) return false;
        ReadOnlySpan<byte> payload = default;
        if (payloads)
        {
            payload = _window.Get(position + header.PayloadOffset, header.PayloadBytes);
            if (Crc32C.Compute(payload) != header.PayloadCrc) return false;
        }

        _lastSequence = header.Sequence;
        _records++;
        _payloadBytes += header.PayloadBytes;
        visitor(tenant, payload);
        return true;
    }

    // The next aligned place that bears the mark, or the file's end.
    private long FindMark(long position)
    {
        if (_key.Mark == 0) return position;
        while (position < _window.Length)
        {
            var words = MemoryMarshal.Cast<byte, ulong>(_window.GetRest(position));
            var found = words.IndexOf(BitConverter.IsLittleEndian ? _key.Mark : BinaryPrimitives.ReverseEndianness(_key.Mark));
            if (found >= 0) return position + (long)found * WalFormat.Alignment;
            position += Math.Max(1, words.Length) * WalFormat.Alignment;
        }

        return position;
    }

    private void Judge(long from, long to, long acknowledged)
    {
        var lost = Math.Min(to, acknowledged) - from;
        if (lost <= 0) return;
        _corruptBytes += lost;
        Damaged(from, to - from, "acknowledged records do not verify");
    }

    private void Damaged(long offset, long length, string reason)
    {
        _entry.IsDamaged = true;
        if (_damage.Count < MaxDamage) _damage.Add(new WalDamage(_entry.Name, offset, length, reason));
    }

    /// <summary>Tenants by their bytes: a string is made for each tenant, not for each record.</summary>
    private sealed class TenantCache
    {
        private readonly Dictionary<string, TenantId> _known = [];

        public bool TryGet(ReadOnlySpan<byte> bytes, out TenantId tenant)
        {
            Span<char> text = stackalloc char[TenantId.MaxLength];
            text = text[..Encoding.Latin1.GetChars(bytes, text)];
            var lookup = _known.GetAlternateLookup<ReadOnlySpan<char>>();
            if (lookup.TryGetValue(text, out tenant)) return true;
            if (!TenantId.TryParse(text.ToString(), out tenant, out _)) return false;
            _known.Add(tenant.Value, tenant);
            return true;
        }
    }
}
