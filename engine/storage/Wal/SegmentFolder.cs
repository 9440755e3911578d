using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// The log's folder: its lock, its segment files and its spares. Thread safe. The order of steps that makes a crash at
/// any point harmless:
/// <code>
/// new segment   1 take a spare (allocated, under its spare name)   2 write the header with a new mark, fdatasync
///               3 rename to the segment's name                    4 sync the folder; only then is it written to
/// release       1 rename to a spare name, or delete               2 sync the folder; only then are the files used again
/// </code>
/// So a segment's name always has a whole header, and the header of a released segment is never overwritten while its
/// old name could still come back.
/// </summary>
internal sealed class SegmentFolder(IDisk disk, string folder, WalOptions options, WalMetrics metrics, Func<ulong> marks) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<string> _spares = new();
    private readonly List<string> _sparesToBe = [];
    private readonly Dictionary<ulong, List<SegmentFile>> _found = [];
    private readonly List<string> _strays = [];
    private readonly DiskReserve _reserve = new(disk, options);
    private IDisposable? _hold;
    private uint _nextSpareNumber;

    /// <summary>The number of this opening: grows with each, durably, before anything is made under it.</summary>
    public uint Epoch { get; private set; }

    /// <summary>Drawn when the folder was first used, the same ever since.</summary>
    public ulong Identity { get; private set; }

    /// <summary>Segments of earlier runs by their generation, in the order of their indexes.</summary>
    public IReadOnlyDictionary<ulong, List<SegmentFile>> Found => _found;

    public IDisk Disk => disk;

    /// <summary>Names in the folder that look like the log's own and cannot be; they are left alone.</summary>
    public IReadOnlyList<string> Strays => _strays;

    /// <summary>The last segment could only be a small one, or none could be made: there is little space left.</summary>
    public bool IsShort { get; private set; }

    /// <summary>No segment could be made.</summary>
    public bool IsFull { get; private set; }

    /// <summary>What is free on the disk; null if there is no reserve, or the disk does not tell.</summary>
    public long? FreeBytes => _reserve.FreeBytes;

    /// <summary>What the log keeps free.</summary>
    public long KeptBytes
    {
        get
        {
            lock (_lock) return _reserve.KeptBytes;
        }
    }

    /// <summary>Locks the folder, looks at what is there and begins a new epoch. Throws <see cref="WalException"/>.</summary>
    public void Open()
    {
        Require(disk.TryCreateFolder(folder), "create the folder");
        var locked = disk.TryLock(PathOf(SegmentNames.Lock), out _hold);
        if (locked == DiskError.Busy)
            throw new WalException($"the write-ahead log is in use: another process, or another log of this one, holds its lock file");
        Require(locked, "lock the folder");
        Require(disk.TryList(folder, out var names), "list the folder");
        BeginEpoch(names);
        foreach (var name in names)
        {
            if (SegmentNames.TryParseSegment(name, out var generation, out var index))
            {
                if (!_strays.Contains(name)) Adopt(generation, name, index);
            }
            else if (SegmentNames.TryParseSpare(name, out var number)) AdoptSpare(name, number);
        }
    }

    /// <summary>The path of a segment for <see cref="IDisk"/>.</summary>
    public string PathOf(string name) => folder.Length == 0 ? name : $"{folder}/{name}";

    /// <summary>
    /// Makes a segment with room for a record of <paramref name="recordBytes"/>, durable before it is returned. If that
    /// fails, <paramref name="step"/> says at what.
    /// </summary>
    public DiskError TryCreate(
        ulong generation, uint index, SegmentWriter? previous, int recordBytes, out SegmentWriter? writer, out string step)
    {
        lock (_lock)
        {
            writer = null;
            step = "allocate a segment";
            var needed = (WalFormat.RecordsOffset + (long)recordBytes + 4095) & -4096;
            var sizeBytes = SizeOfNext(needed);
            if (sizeBytes == 0)
            {
                step += $": {_reserve.Describe()}";
                return DiskError.Full;
            }

            var common = sizeBytes == options.SegmentBytes;
            var spare = common && _spares.TryPeek(out var waiting) ? waiting : SegmentNames.Spare(_nextSpareNumber++);
            var error = disk.TryAllocate(PathOf(spare), sizeBytes, out var file);
            if (error != DiskError.None)
            {
                IsShort = IsFull = error == DiskError.Full;
                return error;
            }

            if (common && _spares.Count > 0) _spares.Dequeue();

            var key = new SegmentKey(marks() | 1, generation, index);
            var header = new SegmentHeader(
                key, previous?.Key.Index ?? 0, (uint)(previous?.AcknowledgedBytes ?? 0))
            { SizeBytes = (uint)file!.Length };
            var entry = new SegmentFile(
                SegmentNames.Segment(generation, index), index, file.Length)
            { IsRecyclable = common && file.Length == sizeBytes };
            step = $"begin segment {entry.Name}";
            error = Begin(file, header, spare, entry.Name);
            if (error != DiskError.None)
            {
                file.Dispose();
                return error;
            }

            _reserve.Add(entry);
            metrics.Segments.Add();
            writer = new SegmentWriter(file, entry, key, sizeBytes);
            return DiskError.None;
        }
    }

    /// <summary>Allocates the spares that are missing, as far as the reserve lets it.</summary>
    public DiskError Replenish()
    {
        lock (_lock)
        {
            while (_spares.Count < options.SpareSegments)
            {
                if (!_reserve.AllowsNewSpare(options.SegmentBytes)) return DiskError.None;
                var name = SegmentNames.Spare(_nextSpareNumber++);
                var error = disk.TryAllocate(PathOf(name), options.SegmentBytes, out var file);
                if (error != DiskError.None) return error;
                file!.Dispose();
                _spares.Enqueue(name);
                Failpoints.Hit(Failpoint.WalSpareAllocated);
            }

            return DiskError.None;
        }
    }

    /// <summary>Deletes the spares if a cut may need their space. A cut calls it before it writes.</summary>
    public void MakeRoom()
    {
        lock (_lock)
            if (_reserve.IsTouched) DeleteSpares();
    }

    /// <summary>
    /// Does the disk take what is written? Allocates what spares are missing, then writes a block of a spare and syncs it: a
    /// look that touches no disk would call a broken one well. A spare that fails is not used again.
    /// </summary>
    public DiskError Probe()
    {
        lock (_lock)
        {
            var error = Replenish();
            if (error != DiskError.None) return error;
            if (SizeOfNext(0) == 0) return DiskError.Full;
            var isKept = _spares.TryPeek(out var name); // its old life has ended, durably: it may be overwritten
            name ??= SegmentNames.Spare(_nextSpareNumber++);
            // none is kept where space is short
            error = disk.TryAllocate(PathOf(name), isKept ? options.SegmentBytes : 2 * WalFormat.RecordsOffset, out var file);
            if (error == DiskError.None)
            {
                using (file)
                {
                    error = WriteFirstBlock(file!, null);
                    if (error == DiskError.None) error = file!.Sync();
                }
            }

            if (isKept && error == DiskError.None) return DiskError.None;
            if (isKept) _spares.Dequeue();
            _ = disk.TryDelete(PathOf(name));
            return error;
        }
    }

    /// <summary>
    /// Takes the files out of their generation: damaged ones into quarantine, whole ones to the spares or away. After an
    /// error it may be called again for the rest.
    /// </summary>
    public DiskError Release(IReadOnlyList<SegmentFile> files)
    {
        lock (_lock)
        {
            foreach (var file in files)
            {
                if (file.IsGone) continue;
                var error = TakeOut(file);
                if (error != DiskError.None && error != DiskError.NotFound) return error;
                Failpoints.Hit(Failpoint.WalFileReleased);
                file.IsGone = true;
                _reserve.Remove(file);
                metrics.Segments.Add(-1);
            }

            var synced = disk.SyncFolder(folder);
            if (synced != DiskError.None) return synced;
            Failpoints.Hit(Failpoint.WalReleaseSynced);
            foreach (var name in _sparesToBe) _spares.Enqueue(name);
            _sparesToBe.Clear();
            return DiskError.None;
        }
    }

    /// <summary>Gives the folder's lock back.</summary>
    public void Dispose() => _hold?.Dispose();

    // Zeros without a header.
    private static unsafe DiskError WriteFirstBlock(IDiskFile file, SegmentHeader? header)
    {
        // The block is on this stack frame, which outlives the synchronous write.
        var block = stackalloc byte[WalFormat.RecordsOffset];
        var bytes = new Span<byte>(block, WalFormat.RecordsOffset);
        if (header is { } written) written.Write(bytes);
        else bytes.Clear();
        return file.Write([new IoSlice(block, WalFormat.RecordsOffset)], 0);
    }

    // The size of the segment to make now, for a record that needs so much of it; 0: there is no space for one.
    private long SizeOfNext(long neededBytes)
    {
        var wanted = Math.Max(options.SegmentBytes, neededBytes);
        if (_spares.Count > 0)
        {
            if (wanted == options.SegmentBytes && _reserve.AllowsSpareAsSegment(wanted))
            {
                IsShort = IsFull = false;
                return wanted;
            }

            if (_reserve.Affordable(wanted, wanted) < wanted) DeleteSpares();
        }

        var size = _reserve.Affordable(wanted, neededBytes);
        (IsShort, IsFull) = (size < wanted, size == 0);
        return size;
    }

    // Nothing of theirs is needed; those that come back after a crash are found by the next opening.
    private void DeleteSpares()
    {
        while (_spares.TryDequeue(out var spare)) _ = disk.TryDelete(PathOf(spare));
    }

    private DiskError Begin(IDiskFile file, in SegmentHeader header, string spare, string name)
    {
        var error = WriteFirstBlock(file, header);
        if (error == DiskError.None) error = file.Sync();
        Failpoints.Hit(Failpoint.WalSegmentHeader);
        if (error == DiskError.None) error = disk.TryRename(PathOf(spare), PathOf(name));
        Failpoints.Hit(Failpoint.WalSegmentRenamed);
        if (error == DiskError.None) error = disk.SyncFolder(folder);
        Failpoints.Hit(Failpoint.WalSegmentBegun);
        if (error == DiskError.None) return DiskError.None;

        // Whatever is wrong with this file, the next attempt shall not meet it. It holds no record: if the name comes
        // back after a crash, it comes back empty.
        _ = disk.TryDelete(PathOf(spare));
        _ = disk.TryDelete(PathOf(name));
        return error;
    }

    private DiskError TakeOut(SegmentFile file)
    {
        var path = PathOf(file.Name);
        if (file.IsDamaged)
        {
            var quarantine = PathOf(SegmentNames.Quarantine);
            var error = disk.TryCreateFolder(quarantine);
            if (error == DiskError.None) error = disk.TryRename(path, $"{quarantine}/{file.Name}");
            return error == DiskError.None ? disk.SyncFolder(quarantine) : error;
        }

        if (!file.IsRecyclable || _spares.Count + _sparesToBe.Count >= options.MaxSpareSegments || !_reserve.AllowsRecycling)
            return disk.TryDelete(path);
        var spare = SegmentNames.Spare(_nextSpareNumber++);
        var renamed = disk.TryRename(path, PathOf(spare));
        if (renamed == DiskError.None) _sparesToBe.Add(spare);
        return renamed;
    }

    // Generations are (epoch, counter): a new epoch at every opening makes their numbers grow for good, though all files
    // of a generation go when it is released, and without a sync for each new generation. The epoch is kept as the name
    // of an empty file, because a rename is all or nothing.
    private void BeginEpoch(IReadOnlyList<string> names)
    {
        string? present = null;
        uint newest = 0;
        foreach (var name in names)
        {
            if (SegmentNames.TryParseEpoch(name, out var epoch, out var identity))
                (present, Epoch, Identity) = (name, Math.Max(Epoch, epoch), identity);
            else if (SegmentNames.TryParseSegment(name, out var generation, out _) && generation >> 32 < uint.MaxValue)
                newest = Math.Max(newest, (uint)(generation >> 32));
        }

        // An epoch is durable before a segment is made in it, so one of a later epoch is nobody's. Without the file of the epoch
        // the segments tell; none that was made here comes near the end of the numbers.
        if (present is null) Epoch = newest;
        foreach (var name in names)
            if (SegmentNames.TryParseSegment(name, out var generation, out _) && generation >> 32 > Epoch) _strays.Add(name);

        if (Epoch == uint.MaxValue) throw new WalException($"the write-ahead log has no epoch left");
        Epoch++;
        if (present is null) Identity = marks();
        var next = PathOf(SegmentNames.Epoch(Epoch, Identity));
        if (present is not null)
        {
            Require(disk.TryRename(PathOf(present), next), "begin an epoch");
        }
        else
        {
            Require(disk.TryAllocate(next, 0, out var file), "begin an epoch");
            file!.Dispose();
        }

        Failpoints.Hit(Failpoint.WalEpochNamed);
        Require(disk.SyncFolder(folder), "sync the folder");
    }

    private void Adopt(ulong generation, string name, uint index)
    {
        long sizeBytes = 0; // of one that does not open
        if (disk.TryOpen(PathOf(name), writable: false, out var opened) == DiskError.None)
        {
            sizeBytes = opened!.Length;
            opened.Dispose();
        }

        var file = new SegmentFile(name, index, sizeBytes);
        if (!_found.TryGetValue(generation, out var files)) _found.Add(generation, files = []);
        files.Add(file); // the list of names is sorted, and so are the indexes
        _reserve.Add(file);
        metrics.Segments.Add();
    }

    private void AdoptSpare(string name, uint number)
    {
        _nextSpareNumber = Math.Max(_nextSpareNumber, number + 1);

        // One of another size is useless: a crash cut it short, it was made for a huge record, or the setting has changed.
        var keep = _spares.Count < options.MaxSpareSegments
            && disk.TryOpen(PathOf(name), writable: false, out var file) == DiskError.None && HasCommonSize(file!);
        if (keep) _spares.Enqueue(name);
        else _ = disk.TryDelete(PathOf(name));
    }

    private bool HasCommonSize(IDiskFile file)
    {
        using (file) return file.Length == options.SegmentBytes;
    }

    private void Require(DiskError error, string step)
    {
        if (error == DiskError.None) return;
        Dispose();
        throw new WalException($"the write-ahead log: cannot {step}: {error}");
    }
}
