namespace Tempo.Engine.ObjectStore;

/// <summary>
/// One attempt at each thing an object service can do, in the service's own names (a key with its prefix, no leading '/').
/// <see cref="RemoteObjectStore"/> makes the contract of <see cref="IObjectStore"/> of it: deadlines, repetition, limits.
/// Every failure is thrown as the service's client throws it; <see cref="Classify"/> says what it means. Thread safe.
/// </summary>
internal interface IRemoteObjects : IDisposable
{
    /// <summary>
    /// Stores an object of one request. What does not meet the condition is <see cref="RemoteFault.Exists"/>, or
    /// <see cref="RemoteFault.NotFound"/> where there is nothing.
    /// </summary>
    Task PutAsync(string name, ReadOnlyMemory<byte> content, PutCondition condition, CancellationToken cancellation);

    /// <summary>Begins an object of several parts; nothing of it is visible before <see cref="IRemoteUpload.CompleteAsync"/>.</summary>
    Task<IRemoteUpload> BeginUploadAsync(string name, CancellationToken cancellation);

    /// <summary>
    /// Reads from an offset below the object's end into the memory, as far as the object goes. A body that ends before what the
    /// service announced is an <see cref="IOException"/>.
    /// </summary>
    Task<RemoteRange> GetRangeAsync(string name, long offset, ReadTarget destination, CancellationToken cancellation);

    Task<ObjectInfo> GetInfoAsync(string name, CancellationToken cancellation);

    /// <summary>
    /// A page of what begins with the prefix; what follows the next '/' after it is folded into a folder, unless recursive.
    /// </summary>
    Task<RemotePage> ListAsync(string prefix, bool recursive, string? continuation, CancellationToken cancellation);

    /// <summary>Deletes; of one that is not there it may throw <see cref="RemoteFault.NotFound"/> or not.</summary>
    Task DeleteAsync(string name, CancellationToken cancellation);

    /// <summary>What an exception of one of the calls means; <see cref="RemoteFault.Unknown"/> for what is not the service's.</summary>
    RemoteFault Classify(Exception exception, out TimeSpan retryAfter);
}

/// <summary>An object that is being sent in parts, in order, each of the store's part size but the last.</summary>
internal interface IRemoteUpload
{
    /// <summary>Sends part <paramref name="number"/>, counted from 1; may be repeated.</summary>
    Task PutPartAsync(int number, ReadOnlyMemory<byte> content, CancellationToken cancellation);

    Task CompleteAsync(CancellationToken cancellation);

    /// <summary>Throws away what was sent, as far as the service lets it.</summary>
    Task AbortAsync(CancellationToken cancellation);
}

/// <summary>What a put asks of the object that is there.</summary>
/// <param name="OnlyIfAbsent">There must be none.</param>
/// <param name="Version">It must be this one, in the service's own words; null: any.</param>
internal readonly record struct PutCondition(bool OnlyIfAbsent = false, string? Version = null);

/// <summary>
/// Bytes that were read, of an object of so many, in this version: an ETag or a generation, another one for each put; empty if the
/// service did not say it.
/// </summary>
internal readonly record struct RemoteRange(int Count, long ObjectSizeBytes, string Version);

/// <summary>Part of a listing: objects and folders (ending in '/'), each in the order of the service.</summary>
internal sealed record RemotePage(
    IReadOnlyList<(string Name, ObjectInfo Info)> Objects, IReadOnlyList<string> Folders, string? Continuation);

/// <summary>What a failed attempt means.</summary>
internal enum RemoteFault
{
    /// <summary>Not an answer of the service: a fault of the program, or cancelled.</summary>
    Unknown = 0,
    NotFound,

    /// <summary>A conditional put found an object.</summary>
    Exists,

    /// <summary>The range lies past the object's end.</summary>
    OutOfRange,
    Denied,

    /// <summary>The service asks for fewer requests.</summary>
    Throttled,

    /// <summary>A fault of the network or the service; what was asked may have been done.</summary>
    Transient,

    /// <summary>The service refuses this request; again would be the same.</summary>
    Refused,
}
