namespace Tempo.Engine.ObjectStore;

/// <summary>What kept a store from doing what it was asked.</summary>
public enum ObjectStoreError
{
    /// <summary>There is no such object. A reader of a block takes it as: the block is gone.</summary>
    NotFound = 1,

    /// <summary>The object is larger than the caller's limit.</summary>
    TooLarge,

    /// <summary>No space or quota left: refuse new data, keep answering, try again later.</summary>
    Full,

    /// <summary>Permissions, credentials, or a read-only store: trying again does not help.</summary>
    AccessDenied,

    /// <summary>Anything else, I/O errors first of all. Repeating the call is safe.</summary>
    Failed,
}

/// <summary>The one exception of <see cref="IObjectStore"/>: what failed (the key), how (the error), and the store's own words.</summary>
public sealed class ObjectStoreException : Exception
{
    /// <summary>An error about one object.</summary>
    public ObjectStoreException(ObjectStoreError error, ObjectKey key, string detail, Exception? inner = null)
        : base($"object '{key}': {detail}", inner) => (Error, Key) = (error, key);

    /// <summary>What happened.</summary>
    public ObjectStoreError Error { get; }

    /// <summary>The object (or folder) it happened to.</summary>
    public ObjectKey Key { get; }
}
