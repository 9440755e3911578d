using Microsoft.Win32.SafeHandles;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// A put that is under way.
/// <code>
/// 1. create  .put-pid-n in the folder of the object, and lock it     invisible to listings; the lock tells a sweep
///                                                                    (another process opening the store) that it is alive
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

    private readonly string _path;
    private readonly ObjectKey _key;
    private readonly SafeFileHandle _handle;
    private bool _removed;

    private PendingFile(string path, ObjectKey key, SafeFileHandle handle) => (_path, _key, _handle) = (path, key, handle);

    /// <summary>Creates the file in a folder that exists.</summary>
    public static PendingFile Create(string folder, ObjectKey key)
    {
        while (true)
        {
            var path = $"{folder}/{ObjectKey.ReservedPartPrefix}{Environment.ProcessId}-{Interlocked.Increment(ref s_lastNumber)}";
            var error = LinuxFile.CreateNew(path, out var handle);
            // Left by a crash, or of a process with the same id on another machine or in another container.
            if (error == LinuxFile.Exists) continue;
            if (error != 0) throw LocalObjectStore.Error(error, key, "create");
            // File systems without locks cannot be swept either, so a failure costs nothing.
            _ = LinuxFile.TryLock(handle);
            return new PendingFile(path, key, handle);
        }
    }

    /// <summary>Step 2, a piece at a time.</summary>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        var error = LinuxFile.Write(_handle, bytes, offset);
        if (error != 0) throw LocalObjectStore.Error(error, _key, $"write of {bytes.Length} bytes at {offset}");
    }

    /// <summary>Steps 3 to 5. False if <paramref name="onlyIfAbsent"/> and there is an object already.</summary>
    public bool Publish(string folder, string target, bool onlyIfAbsent)
    {
        Check(LinuxFile.Sync(_handle), "fsync");
        if (onlyIfAbsent)
        {
            var error = LinuxFile.Link(_path, target);
            if (error == LinuxFile.Exists) return false;
            Check(error, "link");
            Remove();
        }
        else
        {
            Check(LinuxFile.Rename(_path, target), "rename");
            _removed = true;
        }

        Check(LinuxFile.SyncFolder(folder), "fsync of the folder");
        return true;
    }

    public void Dispose()
    {
        if (!_removed) Remove();
        _handle.Dispose();
    }

    // A file that cannot be removed is left to the next sweep.
    private void Remove() => _removed = LinuxFile.Unlink(_path) == 0;

    private void Check(int error, string step)
    {
        if (error != 0) throw LocalObjectStore.Error(error, _key, step);
    }
}
