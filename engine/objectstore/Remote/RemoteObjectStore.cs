using System.Buffers;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// The contract of <see cref="IObjectStore"/> over an object service (S3, Azure, GCS), whose one attempt at a thing is an
/// <see cref="IRemoteObjects"/>. Small objects are one request; larger ones go in parts and become visible with the last.
/// A conditional put whose answer was lost is settled by looking at what is there.
/// </summary>
public sealed partial class RemoteObjectStore : IObjectStore, IDisposable
{
    private readonly IRemoteObjects _remote;
    private readonly RemoteOptions _options;
    private readonly RemoteAttempts _attempts;
    private readonly TimeProvider _time;
    private readonly string _prefix;

    internal RemoteObjectStore(IRemoteObjects remote, RemoteOptions options, TimeProvider time, Random random)
    {
        _remote = remote;
        _options = options;
        _time = time;
        _attempts = new RemoteAttempts(options, remote, new RetryBudget(options, time), time, random);
        _prefix = options.Prefix.Length == 0 ? "" : ObjectKey.Parse(options.Prefix.Trim('/')) + "/";
    }

    /// <summary>A store in an S3 bucket (or what speaks its protocol).</summary>
    public static RemoteObjectStore OpenS3(S3Options s3, RemoteOptions options, TimeProvider time, Random random) =>
        new(new S3Objects(s3), options with { Prefix = s3.Prefix, PartSizeBytes = s3.PartSizeBytes }, time, random);

    /// <summary>A store in an Azure container.</summary>
    public static RemoteObjectStore OpenAzure(AzureOptions azure, RemoteOptions options, TimeProvider time, Random random) =>
        new(new AzureObjects(azure, time, random), options with { Prefix = azure.Prefix }, time, random);

    /// <summary>A store in a Google Cloud Storage bucket.</summary>
    public static RemoteObjectStore OpenGcs(GcsOptions gcs, RemoteOptions options, TimeProvider time, Random random) =>
        new(new GcsObjects(gcs, time), options with { Prefix = gcs.Prefix, PartSizeBytes = gcs.ChunkBytes }, time, random);

    public void Dispose() => _remote.Dispose();

    /// <inheritdoc/>
    public async ValueTask PutAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
    {
        if (content.Length > _options.PartSizeBytes)
        {
            await UploadAsync(key, content.Length, offset => new ValueTask<ReadOnlyMemory<byte>>(
                content.Slice((int)offset, (int)Math.Min(_options.PartSizeBytes, content.Length - offset))), cancellation)
                    .ConfigureAwait(false);
            return;
        }

        await PutOnceAsync(key, content, default, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(ObjectKey key, Stream content, long sizeBytes, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeBytes);
        cancellation.ThrowIfCancellationRequested();
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(sizeBytes, _options.PartSizeBytes));
        try
        {
            if (sizeBytes > _options.PartSizeBytes) await UploadAsync(key, sizeBytes, ReadPartAsync, cancellation).ConfigureAwait(false);
            else await PutOnceAsync(key, await ReadPartAsync(0).ConfigureAwait(false), default, cancellation).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        async ValueTask<ReadOnlyMemory<byte>> ReadPartAsync(long offset)
        {
            var part = buffer.AsMemory(0, (int)Math.Min(_options.PartSizeBytes, sizeBytes - offset));
            var count = await content.ReadAtLeastAsync(part, part.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            return count == part.Length
                ? part
                : throw new ObjectStoreException(
                    ObjectStoreError.Failed, key, $"the stream ended after {offset + count} of {sizeBytes} bytes");
        }
    }

    /// <inheritdoc/>
    public async ValueTask PutFileAsync(ObjectKey key, string path, CancellationToken cancellation = default)
    {
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: false);
            await using (file.ConfigureAwait(false)) await PutAsync(key, file, file.Length, cancellation).ConfigureAwait(false);
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ObjectStoreException(ObjectStoreError.Failed, key, $"read of {path}: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> TryPutIfAbsentAsync(ObjectKey key, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
    {
        try
        {
            await PutOnceAsync(key, content, new PutCondition(OnlyIfAbsent: true), cancellation).ConfigureAwait(false);
            return true;
        }
        catch (RemoteAnswerException e) when (e.Fault == RemoteFault.Exists)
        {
            // An attempt without an answer may have been the one that put it there.
            return e.IsRepeated
                && await TryGetAsync(key, int.MaxValue, cancellation).ConfigureAwait(false) is { } there
                && there.AsSpan().SequenceEqual(content.Span);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> TryReplaceAsync(
        ObjectKey key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
    {
        if (expected.IsEmpty) throw new ArgumentException("An empty object cannot be replaced on condition.", nameof(expected));
        try
        {
            // A byte more than expected tells a longer object.
            var there = new byte[expected.Length + 1];
            var read = await GetAsync(key, 0, ReadTarget.Of(there), cancellation).ConfigureAwait(false);
            if (read.ObjectSizeBytes != expected.Length || !there.AsSpan(0, read.Count).SequenceEqual(expected.Span)) return false;
            if (read.Version.Length == 0)
                throw new ObjectStoreException(
                    ObjectStoreError.Failed, key, "put on condition: the service does not say which version of the object it has");
            await PutOnceAsync(key, content, new PutCondition(Version: read.Version), cancellation).ConfigureAwait(false);
            return true;
        }
        catch (RemoteAnswerException e)
        {
            return e is { IsRepeated: true, Fault: RemoteFault.Exists }
                && await TryGetAsync(key, int.MaxValue, cancellation).ConfigureAwait(false) is { } there
                && there.AsSpan().SequenceEqual(content.Span);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DeleteAsync(ObjectKey key, CancellationToken cancellation = default)
    {
        var name = NameOf(key);
        try
        {
            await _attempts.RunAsync(key, "delete", 0, async (_, token) =>
            {
                await _remote.DeleteAsync(name, token).ConfigureAwait(false);
                return true;
            }, cancellation).ConfigureAwait(false);
        }
        catch (RemoteAnswerException)
        {
            // Not there.
        }
    }

    private Task PutOnceAsync(ObjectKey key, ReadOnlyMemory<byte> content, PutCondition condition, CancellationToken cancellation)
    {
        var name = NameOf(key);
        return _attempts.RunAsync(key, "put", content.Length, async (_, token) =>
        {
            await _remote.PutAsync(name, content, condition, token).ConfigureAwait(false);
            return true;
        }, cancellation);
    }

    // Parts in order, one at a time: what is sent is read as it goes, and no more than a part is in memory.
    private async Task UploadAsync(
        ObjectKey key, long sizeBytes, Func<long, ValueTask<ReadOnlyMemory<byte>>> readPart, CancellationToken cancellation)
    {
        var name = NameOf(key);
        var upload = await _attempts.RunAsync(
            key, "begin of an upload", 0, (_, token) => _remote.BeginUploadAsync(name, token), cancellation).ConfigureAwait(false);
        try
        {
            var number = 0;
            for (long offset = 0; offset < sizeBytes; offset += _options.PartSizeBytes)
            {
                var part = await readPart(offset).ConfigureAwait(false);
                number++;
                await _attempts.RunAsync(key, $"part {number} of an upload", part.Length, async (_, token) =>
                {
                    await upload.PutPartAsync(number, part, token).ConfigureAwait(false);
                    return true;
                }, cancellation).ConfigureAwait(false);
            }

            await _attempts.RunAsync(key, "end of an upload", 0, async (_, token) =>
            {
                await upload.CompleteAsync(token).ConfigureAwait(false);
                return true;
            }, cancellation).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await AbandonAsync(upload).ConfigureAwait(false);
            if (e is RemoteAnswerException)
                throw new ObjectStoreException(ObjectStoreError.Failed, key, $"the upload is gone: {e.Message}", e);
            throw;
        }
    }

    // Costs storage if it fails, and nothing else: a bucket's lifecycle rule removes what is left.
    private async Task AbandonAsync(IRemoteUpload upload)
    {
        using var deadline = new CancellationTokenSource(_options.AttemptTimeout, _time);
        try
        {
            await upload.AbortAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (_remote.Classify(e, out _) != RemoteFault.Unknown
            || e is OperationCanceledException or IOException or HttpRequestException)
        {
            // The error that led here is the one to tell.
        }
    }

    private string NameOf(ObjectKey key) =>
        key.IsRoot ? throw new ArgumentException("The root is a folder and names no object.", nameof(key)) : _prefix + key;
}
