namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Whole, named, immutable objects: what blocks are kept in. One contract for all stores, held by one contract test.
/// </summary>
/// <remarks>
/// Guarantees
/// <list type="bullet">
/// <item>A put is atomic: whoever reads sees the old object or the new one, whole, and never a part.</item>
/// <item>A put that returned is durable (it survives a power cut), and so is a deletion.</item>
/// <item>A put that threw has stored nothing, or all of it: repeating it is safe.</item>
/// <item>What was put is seen at once by every read and list that begins later.</item>
/// <item>All methods may be called from any thread at once.</item>
/// </list>
/// Requirements
/// <list type="bullet">
/// <item>Memory that is handed in stays as it is until the call has completed; the store keeps none of it.</item>
/// <item>A key is not also the folder of other keys (<c>a</c> and <c>a/b</c>): a file system cannot hold both.</item>
/// </list>
/// Errors: absence and a lost race are answers (null, false) where a caller asks about them; everything else is an
/// <see cref="ObjectStoreException"/> with its <see cref="ObjectStoreError"/>. Cancellation is an
/// <see cref="OperationCanceledException"/>, after which a put may or may not have happened.
/// </remarks>
public interface IObjectStore
{
    /// <summary>Stores an object, replacing the one of this name.</summary>
    ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default);

    /// <summary>
    /// Stores exactly the next <paramref name="sizeBytes"/> bytes of a stream, replacing the object of this name. A stream that
    /// ends earlier is <see cref="ObjectStoreError.Failed"/> and stores nothing.
    /// </summary>
    ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default);

    /// <summary>
    /// Hands a finished local file over, replacing the object of this name: the file at <paramref name="path"/> is gone after
    /// success and still there after an error. A local store moves it where it can, the others upload it.
    /// </summary>
    ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default);

    /// <summary>Stores an object only if there is none of this name; false if there is. Of several at once, one wins.</summary>
    ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default);

    /// <summary>
    /// Stores an object only if the one of this name has exactly the content <paramref name="expected"/>; false if it has another
    /// or is not there. Of several at once that expect the same, one wins, whatever process or machine they run on. After a fault
    /// of the network false may also mean that it was stored and replaced again by another one before that could be seen.
    /// </summary>
    /// <remarks>
    /// It holds among puts that have a condition: a plain put at the same moment may lose, or win unseen. A service that takes no
    /// notice of conditions (some that speak S3's protocol do not) makes a plain put of it. Content and what it
    /// replaces are sent and read in one piece, so they should be small; an empty object cannot be replaced.
    /// </remarks>
    ValueTask<bool> TryReplaceAsync(
        ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default);

    /// <summary>
    /// The whole object, or null if there is none. One larger than <paramref name="maxSizeBytes"/> is
    /// <see cref="ObjectStoreError.TooLarge"/> and not read. Nobody writes to the array: a cache may have it, too.
    /// </summary>
    ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default);

    /// <summary>
    /// Reads from <paramref name="offset"/> on into the caller's memory and returns how many bytes: fewer than asked for only
    /// where the object ends, 0 at or past its end. No object is <see cref="ObjectStoreError.NotFound"/>.
    /// </summary>
    ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default);

    /// <summary>
    /// The same, into new memory that nobody writes to any more, so that caches keep it as it is: chunks of
    /// <see cref="CachedObjectReader.ChunkBytes"/>, the last one shorter, each an array of its own. A store whose requests cost something
    /// makes one of all.
    /// </summary>
    async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> GetChunksAsync(
        ObjectKey key, long offset, int count, CancellationToken cancellation = default)
    {
        var target = ReadTarget.Chunks(count);
        var read = 0;
        foreach (var chunk in target.First(count))
        {
            var there = await GetRangeAsync(key, offset + read, chunk, cancellation).ConfigureAwait(false);
            read += there;
            if (there < chunk.Length) break;
        }

        return target.Filled(read);
    }

    /// <summary>Size and time of an object, or null if there is none.</summary>
    ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default);

    /// <summary>
    /// What lies under a folder (<see cref="ObjectKey.Root"/> for all), in ordinal order of the keys, a folder's key counting as
    /// ended by '/'. A folder that is not there is empty, and one that is listed may be empty, too. Objects put or deleted meanwhile may or
    /// may not be listed; all others are, once.
    /// </summary>
    IAsyncEnumerable<ObjectEntry> ListAsync(ObjectKey folder, ListScope scope, CancellationToken cancellation = default);

    /// <summary>Deletes an object; one that is not there is no error.</summary>
    ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default);

    /// <summary>The door to the objects as local files, or null where they are not on this machine.</summary>
    ILocalObjects? LocalObjects => null;
}

/// <summary>How deep a listing goes.</summary>
public enum ListScope
{
    /// <summary>The folder's own objects and, as entries, its folders (a listing with the delimiter '/').</summary>
    Children,

    /// <summary>All objects under the folder, at any depth; no folders.</summary>
    Recursive,
}

/// <summary>What a store knows of an object without reading it.</summary>
public readonly record struct ObjectInfo(long SizeBytes, DateTimeOffset LastModified)
{
    /// <summary>
    /// Another one for each put: an ETag or a generation, where the store says one of a single object; in listings, and of local files, "".
    /// </summary>
    public string Version { get; init; } = "";
}

/// <summary>An entry of a listing. <see cref="Info"/> is null for a folder.</summary>
public readonly record struct ObjectEntry(ObjectKey Key, ObjectInfo? Info)
{
    /// <summary>Whether this is a folder and not an object.</summary>
    public bool IsFolder => Info == null;
}
