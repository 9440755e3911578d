using Tempo.Engine.Foundation;

namespace Tempo.Testing;

/// <summary>The content of a file of a <see cref="SimDisk"/>, in the cache and on the platter. Guarded by the disk's lock.</summary>
internal sealed class SimFile
{
    private const int SectorBytes = 512;

    // Every version that a sector has had since the last sync: the disk may have written any of them.
    private readonly SortedDictionary<int, List<byte[]>> _unsynced = [];
    private byte[] _cache;
    private byte[] _durable;

    public SimFile(byte[] durable)
    {
        _durable = durable;
        _cache = (byte[])durable.Clone();
    }

    public long Length => _cache.Length;

    public byte[] ReadAll() => (byte[])_cache.Clone();

    public void Extend(long length)
    {
        if (length <= _cache.Length) return;
        var longer = new byte[length];
        _cache.CopyTo(longer, 0);
        _cache = longer;
    }

    public int Read(long offset, Span<byte> destination)
    {
        var count = (int)Math.Clamp(_cache.Length - offset, 0, destination.Length);
        _cache.AsSpan((int)Math.Min(offset, _cache.Length), count).CopyTo(destination);
        return count;
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        Extend(offset + bytes.Length);
        bytes.CopyTo(_cache.AsSpan((int)offset));
        for (var sector = (int)(offset / SectorBytes); sector * (long)SectorBytes < offset + bytes.Length; sector++)
        {
            if (!_unsynced.TryGetValue(sector, out var versions)) _unsynced.Add(sector, versions = []);
            versions.Add(Sector(_cache, sector).ToArray());
        }
    }

    public void Sync()
    {
        var durable = new byte[_cache.Length];
        _durable.CopyTo(durable, 0);
        foreach (var (sector, versions) in _unsynced) versions[^1].CopyTo(durable, sector * SectorBytes);
        _durable = durable;
        _unsynced.Clear();
    }

    public void ForgetUnsynced() => _unsynced.Clear();

    public SimFile Crash(Random random)
    {
        var left = new byte[random.Next(2) == 0 ? _cache.Length : _durable.Length];
        _durable.CopyTo(left, 0);
        foreach (var (sector, versions) in _unsynced)
        {
            var choice = random.Next(versions.Count + 1);
            if (choice == versions.Count || sector * SectorBytes >= left.Length) continue;
            var target = Sector(left, sector);
            versions[choice].AsSpan(0, Math.Min(target.Length, versions[choice].Length)).CopyTo(target);
        }

        return new SimFile(left);
    }

    private static Span<byte> Sector(byte[] content, int sector)
    {
        var start = sector * SectorBytes;
        return content.AsSpan(start, Math.Min(SectorBytes, content.Length - start));
    }
}

/// <summary>An open file of a <see cref="SimDisk"/>.</summary>
internal sealed unsafe class SimHandle(SimDisk disk, SimFile file) : IDiskFile
{
    private bool _isLocked;

    public long Length => file.Length;

    public DateTimeOffset ModifiedAt => SimDisk.Modified;

    public DiskError Write(ReadOnlySpan<IoSlice> slices, long offset)
    {
        // As one write, so that a sector which several slices share has one version.
        var bytes = new byte[Total(slices)];
        var at = 0;
        foreach (var slice in slices)
        {
            new ReadOnlySpan<byte>(slice.Pointer, slice.Length).CopyTo(bytes.AsSpan(at));
            at += slice.Length;
        }

        disk.Write(file, offset, bytes);
        return DiskError.None;
    }

    public DiskError Sync() => disk.Sync(file);

    public DiskError TryLock()
    {
        if (!disk.TryLock(file)) return DiskError.Busy;
        _isLocked = true;
        return DiskError.None;
    }

    public DiskError Read(long offset, Span<byte> destination, out int count)
    {
        count = disk.Read(file, offset, destination);
        return DiskError.None;
    }

    public void Dispose()
    {
        if (_isLocked) disk.Unlock(file);
        _isLocked = false;
    }

    private static int Total(ReadOnlySpan<IoSlice> slices)
    {
        var total = 0;
        foreach (var slice in slices) total += slice.Length;
        return total;
    }
}
