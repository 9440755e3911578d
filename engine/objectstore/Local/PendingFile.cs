using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// A put that is under way.
/// <code>
/// 1. create  .put-pid-n in the folder of the object, and lock it     invisible to listings; the lock tells a sweep
///                                                                    (another process opening the store) that it is alive; one that
///                                                                    a sweep had before the lock is given up for another
/// 2. write   everything
/// 3. fsync   the file                                                content is durable, under a name nobody reads
/// 4. rename  onto the object's name, or link for "only if absent"    readers see all of it or nothing
/// 5. fsync   the folder                                              the name is durable: only now the put returns
/// </code>
/// A failure before step 4 removes the file again. After a failed fsync nothing of the file is trusted or tried again: the
/// kernel may have dropped the pages. A crash leaves a .put- file, which the next <see cref="LocalObjectStore.Open"/> sweeps.
/// </summary>
internal sealed class PendingFile : IDisposable
{
    private static int s_lastNumber;

    private readonly IDisk _disk;
    private readonly string _path;
    private readonly ObjectKey _key;
    private readonly IDiskFile _file;
    private bool _removed;

    private PendingFile(IDisk disk, string path, ObjectKey key, IDiskFile file) => (_disk, _path, _key, _file) = (disk, path, key, file);

    /// <summary>Creates the file in a folder that exists.</summary>
    public static PendingFile Create(IDisk disk, string folder, ObjectKey key)
    {
        while (true)
        {
            var path = $"{folder}/{ObjectKey.ReservedPartPrefix}{Environment.ProcessId}-{Interlocked.Increment(ref s_lastNumber)}";
            var error = disk.TryCreate(path, out var file);
            // Left by a crash, or of a process with the same id on another machine or in another container.
            if (error == DiskError.Exists) continue;
            LocalObjectStore.Check(error, key, "create");
            if (!IsOurs(disk, path, file!))
            {
                file!.Dispose();
                continue;
            }

            Failpoints.Hit(Failpoint.ObjectCreated);
            return new PendingFile(disk, path, key, file!);
        }
    }

    // A sweep may have had the file between its creation and its lock, and has removed it then, or will: what is written to it would be
    // lost, and the rename might find another file of that name. So the file itself is locked, and not whatever has its name; and then it
    // must still have it. File systems without locks cannot be swept either.
    private static bool IsOurs(IDisk disk, string path, IDiskFile file)
    {
        if (file.TryLock() == DiskError.Busy) return false;
        var error = disk.TryOpen(path, writable: false, out var named);
        named?.Dispose();
        return error != DiskError.NotFound;
    }

    /// <summary>Step 2, a piece at a time.</summary>
    public void Write(ReadOnlySpan<byte> bytes, long offset) =>
        Check(_file.Write(bytes, offset), $"write of {bytes.Length} bytes at {offset}");

    /// <summary>Steps 3 to 5. False if <paramref name="onlyIfAbsent"/> and there is an object already.</summary>
    public bool Publish(string folder, string target, bool onlyIfAbsent)
    {
        Check(_file.Sync(), "fsync");
        Failpoints.Hit(Failpoint.ObjectSynced);
        if (onlyIfAbsent)
        {
            var error = _disk.TryLink(_path, target);
            if (error == DiskError.Exists) return false;
            Check(error, "link");
            Remove();
        }
        else
        {
            Check(_disk.TryRename(_path, target), "rename");
            _removed = true;
        }

        Failpoints.Hit(Failpoint.ObjectRenamed);
        Check(_disk.SyncFolder(folder), "fsync of the folder");
        return true;
    }

    public void Dispose()
    {
        if (!_removed) Remove();
        _file.Dispose();
    }

    // A file that cannot be removed is left to the next sweep.
    private void Remove() => _removed = _disk.TryDelete(_path) == DiskError.None;

    private void Check(DiskError error, string step) => LocalObjectStore.Check(error, _key, step);
}
