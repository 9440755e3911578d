using System.IO.Enumeration;

namespace Tempo.Engine.ObjectStore;

/// <content>Making, walking and removing folders.</content>
public sealed partial class LocalObjectStore
{
    private static readonly EnumerationOptions OneFolder = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    // What the runtime gives as the time of a file that was deleted between its name and its status.
    private static readonly DateTimeOffset Vanished = DateTimeOffset.FromFileTime(0);

    /// <inheritdoc/>
    public IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default) =>
        new CompletedSequence<ObjectEntry>(List(folder, scope), cancellation);

    // Depth first with a stack of its own. A key has a greatest length, so links in a circle end.
    private IEnumerable<ObjectEntry> List(ObjectKey folder, ListScope scope)
    {
        var open = new Stack<IEnumerator<ObjectEntry>>();
        open.Push(ReadFolder(folder).GetEnumerator());
        while (open.TryPeek(out var entries))
        {
            if (!entries.MoveNext()) open.Pop().Dispose();
            else if (scope == ListScope.Recursive && entries.Current.IsFolder) open.Push(ReadFolder(entries.Current.Key).GetEnumerator());
            else yield return entries.Current;
        }
    }

    /// <summary>A folder's entries, sorted. Names that are no keys, unfinished puts among them, are left out.</summary>
    private List<ObjectEntry> ReadFolder(ObjectKey folder)
    {
        var entries = new List<ObjectEntry>();
        try
        {
            var children = new FileSystemEnumerable<(string, ObjectInfo?)>(folder.IsRoot ? _root : PathOf(folder), ToNameAndInfo, OneFolder)
            {
                ShouldIncludePredicate = IsObjectOrFolder,
            };
            foreach (var (name, info) in children)
            {
                if (folder.TryAppend(name, out var key) && info?.LastModified != Vanished) entries.Add(new ObjectEntry(key, info));
            }
        }
        catch (IOException e) when (e is DirectoryNotFoundException || e.HResult == LinuxFile.NotFolder)
        {
            return []; // never there, or deleted since its parent was read; or an object, which has nothing under it
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ObjectStoreException(
                e is UnauthorizedAccessException ? ObjectStoreError.AccessDenied : ObjectStoreError.Failed, folder, $"list: {e.Message}", e);
        }

        entries.Sort(CompareAsListed);
        return entries;
    }

    // Ordinal, a folder as if its name ended in '/': so walking into each folder in turn gives all keys in ordinal order.
    private static int CompareAsListed(ObjectEntry left, ObjectEntry right)
    {
        var (leftName, rightName) = (left.Key.ToString(), right.Key.ToString());
        var common = leftName.AsSpan().CommonPrefixLength(rightName);
        return CharAt(leftName, left.IsFolder, common) - CharAt(rightName, right.IsFolder, common);

        static int CharAt(string name, bool isFolder, int index) => index < name.Length ? name[index] : isFolder ? '/' : -1;
    }

    // A link to a folder counts as the folder (an operator's other disk). Any other link is left out: its size and time are not
    // those of what it leads to, if it leads anywhere.
    private static bool IsObjectOrFolder(ref FileSystemEntry entry) =>
        entry.IsDirectory || (entry.Attributes & FileAttributes.ReparsePoint) == 0;

    private static (string Name, ObjectInfo? Info) ToNameAndInfo(ref FileSystemEntry entry) =>
        (entry.FileName.ToString(), entry.IsDirectory ? null : new ObjectInfo(entry.Length, entry.LastWriteTimeUtc));

    // Makes a folder and its parents below the root, each made durable in its parent before anything is put into it.
    // As deep as the key has parts. Under _folders.
    private void MakeFolder(string folder, ObjectKey key)
    {
        var error = LinuxFile.MakeFolder(folder);
        if (error == LinuxFile.Exists) return;
        if (error == LinuxFile.NoEntry && folder != _root)
        {
            MakeFolder(ParentOf(folder), key);
            error = LinuxFile.MakeFolder(folder);
            if (error == LinuxFile.Exists) return; // another process was faster
        }

        if (error == 0)
        {
            error = LinuxFile.SyncFolder(ParentOf(folder));
            // Or the next put would find the folder there and take it for durable.
            if (error != 0) _ = LinuxFile.RemoveFolder(folder);
        }

        if (error != 0) throw Error(error, key, $"create folder {folder}");
    }

    // Removes the folder and its parents as far as they are empty, and makes that and the deletion before it durable in the
    // first folder that stays.
    private void RemoveEmptyFolders(string folder, ObjectKey key)
    {
        lock (_folders)
        {
            for (; folder != _root; folder = ParentOf(folder))
            {
                var error = LinuxFile.RemoveFolder(folder);
                // Not empty, most of all. Anything else, too, leaves an empty folder behind, which is no harm.
                if (error is not (0 or LinuxFile.NoEntry)) break;
            }

            var syncError = LinuxFile.SyncFolder(folder);
            // Another process has removed it since: so it has synced, or will sync, the folder above.
            if (syncError is not (0 or LinuxFile.NoEntry)) throw Error(syncError, key, "fsync of the folder");
        }
    }

    // Removes unfinished puts whose writers are gone: nobody holds their lock. Links to other folders are not followed here. A put is without its lock for a moment after
    // its file is created; a sweep by another process in that moment makes that put fail, and it is repeated.
    private void Sweep()
    {
        var unfinished = new FileSystemEnumerable<string>(
            _root,
            static (ref FileSystemEntry entry) => entry.ToFullPath(),
            new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = true, RecurseSubdirectories = true })
        {
            ShouldIncludePredicate = static (ref FileSystemEntry entry) =>
                !entry.IsDirectory && entry.FileName.StartsWith(ObjectKey.ReservedPartPrefix, StringComparison.Ordinal),
            ShouldRecursePredicate = static (ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
        };
        foreach (var path in unfinished)
        {
            var error = LinuxFile.OpenForWriting(path, out var file);
            using (file)
            {
                if (error == 0 && LinuxFile.TryLock(file) == 0) _ = LinuxFile.Unlink(path);
            }
        }
    }

    private static string ParentOf(string path) => path[..path.LastIndexOf('/')];
}
