using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <content>Making, walking and removing folders.</content>
public sealed partial class LocalObjectStore
{
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
        var error = _disk.TryListEntries(folder.IsRoot ? _root : PathOf(folder), withInfo: true, out var children);
        // Never there, or deleted since its parent was read; or an object, which has nothing under it.
        if (error is DiskError.NotFound or DiskError.NotFolder) return [];
        Check(error, folder, "list");
        foreach (var child in children)
        {
            ObjectInfo? info = child.IsFolder ? null : new ObjectInfo(child.SizeBytes, child.ModifiedAt);
            if (folder.TryAppend(child.Name, out var key)) entries.Add(new ObjectEntry(key, info));
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

    // Under _folders.
    private void MakeFolder(string folder, ObjectKey key) => Check(_disk.TryCreateFolder(folder), key, $"create folder {folder}");

    // Removes the folder and its parents as far as they are empty, and makes that and the deletion before it durable in the
    // first folder that stays.
    private void RemoveEmptyFolders(string folder, ObjectKey key)
    {
        lock (_folders)
        {
            for (; folder != _root; folder = ParentOf(folder))
            {
                // Not empty, most of all. Anything else, too, leaves an empty folder behind, which is no harm.
                if (_disk.TryDeleteFolder(folder) is not (DiskError.None or DiskError.NotFound)) break;
            }

            var error = _disk.SyncFolder(folder);
            // Another process has removed it since: so it has synced, or will sync, the folder above.
            if (error != DiskError.NotFound) Check(error, key, "fsync of the folder");
        }
    }

    // Removes unfinished puts whose writers are gone: nobody holds their lock. Links to other folders are not followed here, so it
    // ends. A put is without its lock for a moment after its file is created; one whose file is swept in that moment begins with another
    // one. What cannot be read below the root is passed over.
    private DiskError Sweep(string root)
    {
        var folders = new Stack<string>();
        folders.Push(root);
        while (folders.TryPop(out var folder))
        {
            var error = _disk.TryListEntries(folder, withInfo: false, out var entries);
            if (error != DiskError.None && folder == root) return error;
            foreach (var entry in entries)
            {
                var path = $"{folder}/{entry.Name}";
                if (entry.IsFolder && !entry.IsLink) folders.Push(path);
                else if (!entry.IsFolder && entry.Name.StartsWith(ObjectKey.ReservedPartPrefix, StringComparison.Ordinal)
                    && entry.Name != ReplaceLockName)
                    SweepFile(path);
            }
        }

        return DiskError.None;
    }

    private void SweepFile(string path)
    {
        if (_disk.TryLock(path, out var hold) != DiskError.None) return;
        using (hold) _ = _disk.TryDelete(path);
    }

    private static string ParentOf(string path) => path[..path.LastIndexOf('/')];
}
