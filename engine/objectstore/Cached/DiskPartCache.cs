using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Parts as files of a local folder, up to a number of bytes; which ones stay is said by <see cref="EvictionQueues{TKey,TValue}"/>.
/// Nothing is synced: a file that a power cut left half written is told by its checksum. Files of an earlier process are taken over,
/// in the order of their times; a process has its folder alone.
/// </summary>
public sealed class DiskPartCache : IPartCache
{
    private const string Unfinished = ".tmp";
    private readonly Lock _lock = new();
    private readonly EvictionQueues<UInt128, bool> _files;
    private readonly HashSet<UInt128> _writing = []; // under the lock
    private readonly string _folder;
    private readonly FileStream _hold;

    private DiskPartCache(string folder, long maxBytes, FileStream hold) =>
        (_folder, _files, _hold) = (folder, new EvictionQueues<UInt128, bool>(maxBytes), hold);

    public string Name => "disk";

    /// <summary>Bytes of the files.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock) return _files.Bytes;
        }
    }

    /// <summary>Makes the folder if it is not there. Throws <see cref="IOException"/> if it cannot be used, or is in use.</summary>
    public static DiskPartCache Open(string folder, long maxBytes)
    {
        Directory.CreateDirectory(folder);
        var hold = new FileStream(Path.Combine(folder, "cache.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        var cache = new DiskPartCache(Path.GetFullPath(folder), maxBytes, hold);
        cache.TakeOver();
        return cache;
    }

    public async ValueTask<ReadOnlyMemory<byte>?> TryGetAsync(string name, CancellationToken cancellation)
    {
        var id = IdOf(name);
        lock (_lock)
        {
            if (!_files.TryGet(id, out _)) return null;
        }

        try
        {
            if (PartEnvelope.TryOpen(name, await ReadAsync(PathOf(id), cancellation).ConfigureAwait(false)) is { } content) return content;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // As if it were not there, which is what is remembered.
        }

        lock (_lock) _files.Empty(id);
        return null;
    }

    public async ValueTask PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var id = IdOf(name);
        var path = PathOf(id);
        var evicted = new List<UInt128>();
        // Who reads the same at the same time has the same to put, and there is one name to write it under.
        lock (_lock)
        {
            if (_files.Has(id) || !_writing.Add(id)) return;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using (var file =
                File.OpenHandle(path + Unfinished, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.Asynchronous))
                await RandomAccess.WriteAsync(file, [PartEnvelope.HeaderOf(name, content.Span), content], 0, cancellation)
                    .ConfigureAwait(false);
            // Both at once: a reader in between would find nothing where something is said to be.
            lock (_lock)
            {
                if (_files.TryAdd(id, true, PartEnvelope.HeaderBytes + content.Length, evicted))
                    File.Move(path + Unfinished, path, overwrite: true);
                else Delete(path + Unfinished);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            Delete(path + Unfinished);
            lock (_lock) _files.Empty(id);
            cancellation.ThrowIfCancellationRequested();
        }
        finally
        {
            lock (_lock) _writing.Remove(id);
        }

        foreach (var other in evicted) Delete(PathOf(other));
    }

    public ValueTask DisposeAsync() => _hold.DisposeAsync();

    // Oldest first: as if they had been put in this order. What has another name than ours would have is not touched: a folder that was
    // named by mistake keeps what is in it.
    private void TakeOver()
    {
        var evicted = new List<UInt128>();
        var folders = Directory.EnumerateDirectories(_folder)
            .Where(static path => Path.GetFileName(path) is [var a, var b] && char.IsAsciiHexDigitLower(a) && char.IsAsciiHexDigitLower(b));
        foreach (var file in folders.SelectMany(static path => new DirectoryInfo(path).EnumerateFiles())
            .OrderBy(static file => file.LastWriteTimeUtc))
        {
            var stem = file.Name.EndsWith(Unfinished, StringComparison.Ordinal) ? file.Name[..^Unfinished.Length] : file.Name;
            if (!UInt128.TryParse(stem, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id)
                || Path.GetFileName(PathOf(id)) != stem)
                continue;
            if (stem != file.Name || !_files.TryAdd(id, true, file.Length, evicted)) Delete(file.FullName);
        }

        foreach (var id in evicted) Delete(PathOf(id));
    }

    // All of a file in one array, which is its reader's without a copy.
    private static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(string path, CancellationToken cancellation)
    {
        using var file = File.OpenHandle(path, options: FileOptions.Asynchronous);
        var bytes = GC.AllocateUninitializedArray<byte>((int)Math.Min(RandomAccess.GetLength(file), Array.MaxLength));
        var count = 0;
        while (count < bytes.Length && await RandomAccess.ReadAsync(file, bytes.AsMemory(count), count, cancellation)
            .ConfigureAwait(false) is > 0 and var more)
            count += more;
        return bytes.AsMemory(0, count);
    }

    private string PathOf(UInt128 id)
    {
        var text = id.ToString("x32", CultureInfo.InvariantCulture);
        return Path.Combine(_folder, text[..2], text);
    }

    private static UInt128 IdOf(string name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(name), hash);
        return new UInt128(BitConverter.ToUInt64(hash), BitConverter.ToUInt64(hash[8..]));
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It goes when its place is needed again, or with the next start.
        }
    }
}
