using Tempo.Engine.Foundation;

namespace Tempo.Testing;

/// <summary>
/// A disk in memory with a page cache that a power cut loses. Thread safe.
/// <para>
/// What is modelled: a write reaches the platter at <see cref="IDiskFile.Sync"/>; until then each 512-byte sector may or may
/// not have got there on its own, in any of the versions it had. A creation, rename or deletion is durable after
/// <see cref="IDisk.SyncFolder"/>; until then each may or may not be, whatever became of the others (real file systems are
/// kinder). A rename within a folder is all or nothing; one between folders is a creation and a deletion. The length
/// given by an allocation is durable with the file. Not modelled: damage to what was durable. Folders are durable at once, a
/// file needs none, and all files have the same time.
/// </para>
/// </summary>
public sealed class SimDisk : IDisk
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SimFile> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SimFile> _durableNames = new(StringComparer.Ordinal);
    private readonly List<NameChange> _unsynced = [];
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    private readonly HashSet<SimFile> _locked = [];
    private bool _loseNextSync;

    /// <summary>Bytes that all files together may be long.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>The sum of the files' lengths.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_lock) return _names.Values.Sum(static file => file.Length);
        }
    }

    /// <summary>The disk as a power cut at this moment leaves it; the seed chooses what of the unsynced got through.</summary>
    public SimDisk Crash(int seed)
    {
        lock (_lock)
        {
            var random = new Random(seed);
            var names = new Dictionary<string, SimFile>(_durableNames, StringComparer.Ordinal);
            foreach (var change in _unsynced)
            {
                if (random.Next(2) == 0) change.ApplyTo(names);
            }

            return WithFiles(names, _folders, file => file.Crash(random));
        }
    }

    /// <summary>The disk as the death of the process leaves it: with all that was written, and no lock.</summary>
    public SimDisk Kill()
    {
        lock (_lock) return WithFiles(_names, _folders, static file => new SimFile(file.ReadAll()));
    }

    /// <summary>
    /// The next <see cref="IDiskFile.Sync"/> fails and the kernel drops the file's unwritten pages: they read as before, and a
    /// later sync, though it answers well, does not write them.
    /// </summary>
    public void LoseNextSync() => _loseNextSync = true;

    /// <summary>A file's content.</summary>
    public byte[] ReadAll(string path)
    {
        lock (_lock) return _names[path].ReadAll();
    }

    /// <summary>Puts a durable file there.</summary>
    public void WriteAll(string path, ReadOnlySpan<byte> content)
    {
        lock (_lock) _names[path] = _durableNames[path] = new SimFile(content.ToArray());
    }

    /// <inheritdoc/>
    public DiskError TryAllocate(string path, long sizeBytes, out IDiskFile? file)
    {
        lock (_lock)
        {
            file = null;
            var exists = _names.TryGetValue(path, out var found);
            if (sizeBytes - (found?.Length ?? 0) > CapacityBytes - UsedBytes) return DiskError.Full;
            found ??= new SimFile([]);
            if (!exists) Change(new NameChange(FolderOf(path), null, path, found));
            found.Extend(sizeBytes);
            file = new SimHandle(this, found);
            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryCreate(string path, out IDiskFile? file)
    {
        lock (_lock)
        {
            file = null;
            if (_names.ContainsKey(path) || IsFolder(path)) return DiskError.Exists;
            var made = new SimFile([]);
            Change(new NameChange(FolderOf(path), null, path, made));
            file = new SimHandle(this, made);
            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryLink(string from, string to)
    {
        lock (_lock)
        {
            if (!_names.TryGetValue(from, out var file)) return DiskError.NotFound;
            if (_names.ContainsKey(to) || IsFolder(to)) return DiskError.Exists;
            Change(new NameChange(FolderOf(to), null, to, file));
            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryOpen(string path, bool writable, out IDiskFile? file)
    {
        lock (_lock)
        {
            file = _names.TryGetValue(path, out var found) ? new SimHandle(this, found) : null;
            return file is not null ? DiskError.None : IsFolder(path) ? DiskError.IsFolder : DiskError.NotFound;
        }
    }

    /// <inheritdoc/>
    public DiskError TryRename(string from, string to)
    {
        lock (_lock)
        {
            if (!_names.TryGetValue(from, out var file)) return DiskError.NotFound;
            if (FolderOf(from) == FolderOf(to))
            {
                Change(new NameChange(FolderOf(from), from, to, file));
            }
            else
            {
                Change(new NameChange(FolderOf(to), null, to, file));
                Change(new NameChange(FolderOf(from), from, null, file));
            }

            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryDelete(string path)
    {
        lock (_lock)
        {
            if (_names.TryGetValue(path, out var file)) Change(new NameChange(FolderOf(path), path, null, file));
            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryCreateFolder(string path)
    {
        lock (_lock)
        {
            for (var folder = path; folder.Length > 0; folder = FolderOf(folder))
            {
                if (_names.ContainsKey(folder)) return DiskError.NotFolder;
                _folders.Add(folder);
            }

            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryDeleteFolder(string path)
    {
        lock (_lock)
        {
            if (_names.ContainsKey(path)) return DiskError.NotFolder;
            if (_names.Keys.Concat(_folders).Any(name => name.StartsWith(path + "/", StringComparison.Ordinal))) return DiskError.NotEmpty;
            return _folders.Remove(path) ? DiskError.None : DiskError.NotFound;
        }
    }

    /// <inheritdoc/>
    public DiskError TryListEntries(string folder, bool withInfo, out IReadOnlyList<DiskEntry> entries)
    {
        lock (_lock)
        {
            entries = [];
            if (_names.ContainsKey(folder)) return DiskError.NotFolder;
            if (folder.Length > 0 && !IsFolder(folder)) return DiskError.NotFound;
            var start = folder.Length == 0 ? 0 : folder.Length + 1;
            var prefix = folder.Length == 0 ? "" : folder + "/";
            var found = _names.Where(name => FolderOf(name.Key) == folder)
                .Select(name =>
                    new DiskEntry(name.Key[start..], false, false, withInfo ? name.Value.Length : 0, withInfo ? Modified : default));
            var folders = _folders.Concat(_names.Keys.Select(FolderOf))
                .Where(name => name.Length > start && name.StartsWith(prefix, StringComparison.Ordinal))
                .Select(name => name[start..].Split('/')[0]).Distinct().Select(static name => new DiskEntry(name, true, false, 0, default));
            entries = [.. found, .. folders];
            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryGetSpace(string folder, out long totalBytes, out long availableBytes)
    {
        (totalBytes, availableBytes) = (CapacityBytes, CapacityBytes - UsedBytes);
        return DiskError.None;
    }

    /// <inheritdoc/>
    public DiskError TryList(string folder, out IReadOnlyList<string> names)
    {
        lock (_lock)
        {
            names = [.. _names.Keys.Where(path => FolderOf(path) == folder)
                .Select(path => path[(folder.Length == 0 ? 0 : folder.Length + 1)..]).Order(StringComparer.Ordinal)];
            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError SyncFolder(string path)
    {
        lock (_lock)
        {
            foreach (var change in _unsynced.Where(change => change.Folder == path)) change.ApplyTo(_durableNames);
            _unsynced.RemoveAll(change => change.Folder == path);
            return DiskError.None;
        }
    }

    /// <inheritdoc/>
    public DiskError TryGetFreeBytes(out long bytes)
    {
        lock (_lock) bytes = Math.Max(0, CapacityBytes - UsedBytes);
        return DiskError.None;
    }

    /// <inheritdoc/>
    public DiskError TryLock(string path, out IDisposable? hold)
    {
        lock (_lock)
        {
            hold = null;
            if (!_names.ContainsKey(path)) Change(new NameChange(FolderOf(path), null, path, new SimFile([])));
            var file = new SimHandle(this, _names[path]);
            var error = file.TryLock();
            if (error == DiskError.None) hold = file;
            return error;
        }
    }

    internal bool TryLock(SimFile file)
    {
        lock (_lock) return _locked.Add(file);
    }

    internal void Unlock(SimFile file)
    {
        lock (_lock) _locked.Remove(file);
    }

    internal DiskError Sync(SimFile file)
    {
        lock (_lock)
        {
            var lose = _loseNextSync;
            _loseNextSync = false;
            if (lose) file.ForgetUnsynced();
            else file.Sync();
            return lose ? DiskError.Failed : DiskError.None;
        }
    }

    internal void Write(SimFile file, long offset, ReadOnlySpan<byte> bytes)
    {
        lock (_lock) file.Write(offset, bytes);
    }

    internal int Read(SimFile file, long offset, Span<byte> destination)
    {
        lock (_lock) return file.Read(offset, destination);
    }

    internal static DateTimeOffset Modified => DateTimeOffset.UnixEpoch;

    private bool IsFolder(string path) =>
        _folders.Contains(path) || _names.Keys.Any(name => name.StartsWith(path + "/", StringComparison.Ordinal));

    private static string FolderOf(string path) => path.Contains('/', StringComparison.Ordinal) ? path[..path.LastIndexOf('/')] : "";

    private static SimDisk WithFiles(Dictionary<string, SimFile> names, HashSet<string> folders, Func<SimFile, SimFile> copy)
    {
        var disk = new SimDisk();
        disk._folders.UnionWith(folders);
        var copies = names.Values.Distinct().ToDictionary(static file => file, copy);
        foreach (var (path, file) in names) disk._names[path] = disk._durableNames[path] = copies[file];
        return disk;
    }

    private void Change(NameChange change)
    {
        change.ApplyTo(_names);
        _unsynced.Add(change);
    }

    private sealed record NameChange(string Folder, string? Removed, string? Added, SimFile File)
    {
        public void ApplyTo(Dictionary<string, SimFile> names)
        {
            if (Removed is not null && names.GetValueOrDefault(Removed) == File) names.Remove(Removed);
            if (Added is not null) names[Added] = File;
        }
    }

}
