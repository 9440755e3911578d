using System.Buffers;
using System.Runtime.CompilerServices;

namespace Tempo.Engine.ObjectStore;

// Reading and listing.
public sealed partial class RemoteObjectStore
{
    /// <inheritdoc/>
    public async ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default)
    {
        if (await TryGetInfoAsync(key, cancellation).ConfigureAwait(false) is not { } info) return null;
        if (info.SizeBytes > maxSizeBytes)
            throw new ObjectStoreException(ObjectStoreError.TooLarge, key, $"has {info.SizeBytes} bytes; at most {maxSizeBytes} are read");
        var content = GC.AllocateUninitializedArray<byte>((int)info.SizeBytes); // filled, or not handed on
        try
        {
            if (content.Length == 0) return content;
            var range = await GetAsync(key, 0, ReadTarget.Of(content), cancellation).ConfigureAwait(false);
            // Replaced by one of another size in between: the new one is what is there now.
            return range.ObjectSizeBytes == content.Length && range.Count == content.Length
                ? content
                : await TryGetAsync(key, maxSizeBytes, cancellation).ConfigureAwait(false);
        }
        catch (RemoteAnswerException e) when (e.Fault == RemoteFault.OutOfRange)
        {
            return await TryGetAsync(key, maxSizeBytes, cancellation).ConfigureAwait(false);
        }
        catch (RemoteAnswerException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> GetRangeAsync(ObjectKey key, long offset, Memory<byte> destination, CancellationToken cancellation = default) =>
        ReadAsync(key, offset, ReadTarget.Of(destination), cancellation);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> GetChunksAsync(
        ObjectKey key, long offset, int count, CancellationToken cancellation = default)
    {
        var chunks = ReadTarget.Chunks(count);
        return chunks.Filled(await ReadAsync(key, offset, chunks, cancellation).ConfigureAwait(false));
    }

    private async ValueTask<int> ReadAsync(ObjectKey key, long offset, ReadTarget destination, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        try
        {
            if (destination.Length > 0) return (await GetAsync(key, offset, destination, cancellation).ConfigureAwait(false)).Count;
            if (await TryGetInfoAsync(key, cancellation).ConfigureAwait(false) is not null) return 0;
        }
        catch (RemoteAnswerException e) when (e.Fault == RemoteFault.OutOfRange)
        {
            return 0;
        }
        catch (RemoteAnswerException)
        {
            // Told below.
        }

        throw new ObjectStoreException(ObjectStoreError.NotFound, key, "there is no such object");
    }

    /// <inheritdoc/>
    public async ValueTask<ObjectInfo?> TryGetInfoAsync(ObjectKey key, CancellationToken cancellation = default)
    {
        var name = NameOf(key);
        try
        {
            return await _attempts.RunAsync(key, "look-up", 0, (_, token) => _remote.GetInfoAsync(name, token), cancellation)
                .ConfigureAwait(false);
        }
        catch (RemoteAnswerException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ObjectEntry> ListAsync(
        ObjectKey folder, ListScope scope, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var prefix = folder.IsRoot ? _prefix : _prefix + folder + "/";
        string? continuation = null;
        do
        {
            var from = continuation;
            var page = await _attempts.RunAsync(folder, "listing", 0,
                (_, token) => _remote.ListAsync(prefix, scope == ListScope.Recursive, from, token), cancellation).ConfigureAwait(false);
            foreach (var entry in InOrder(page)) yield return entry;
            if (page.Continuation is { } next && next == continuation)
                throw new ObjectStoreException(ObjectStoreError.Failed, folder, "the listing goes in a circle");
            continuation = page.Continuation;
        }
        while (continuation is not null);
    }

    // The page's objects and folders, each in order, as one list; names that are no keys are somebody else's.
    private IEnumerable<ObjectEntry> InOrder(RemotePage page)
    {
        int o = 0, f = 0;
        while (o < page.Objects.Count || f < page.Folders.Count)
        {
            var isObject =
                f == page.Folders.Count || (o < page.Objects.Count && string.CompareOrdinal(page.Objects[o].Name, page.Folders[f]) < 0);
            var name = isObject ? page.Objects[o].Name : page.Folders[f];
            ObjectInfo? info = isObject ? page.Objects[o++].Info : null;
            if (!isObject) f++;
            if (name.StartsWith(_prefix, StringComparison.Ordinal)
                && ObjectKey.TryParse(isObject ? name[_prefix.Length..] : name[_prefix.Length..^1], out var key, out _))
                yield return new ObjectEntry(key, info);
        }
    }

    private Task<RemoteRange> GetAsync(ObjectKey key, long offset, ReadTarget destination, CancellationToken cancellation)
    {
        var name = NameOf(key);
        return _attempts.RunAsync(
            key,
            $"read of {destination.Length} bytes at {offset}",
            destination.Length,
            (_, token) => _options.HedgeAfter > TimeSpan.Zero
                ? GetHedgedAsync(name, offset, destination, token)
                : _remote.GetRangeAsync(name, offset, destination, token),
            cancellation);
    }

    // Two may write at once, so each gets memory of its own.
    private async Task<RemoteRange> GetHedgedAsync(string name, long offset, ReadTarget destination, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var first = ReadAsync();
        if (await Task.WhenAny(first, Task.Delay(_options.HedgeAfter, _time, stop.Token)).ConfigureAwait(false) == first)
            return Take(await first.ConfigureAwait(false));
        var second = ReadAsync();
        var winner = await Task.WhenAny(first, second).ConfigureAwait(false);
        if (winner.IsFaulted) winner = winner == first ? second : first;
        try
        {
            return Take(await winner.ConfigureAwait(false));
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            _ = (winner == first ? second : first).ContinueWith(static late => ArrayPool<byte>.Shared.Return(late.Result.Buffer),
                CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        }

        async Task<(byte[] Buffer, RemoteRange Range)> ReadAsync()
        {
            var buffer = ArrayPool<byte>.Shared.Rent(destination.Length);
            return (buffer, await _remote.GetRangeAsync(name, offset, ReadTarget.Of(buffer.AsMemory(0, destination.Length)), stop.Token)
                .ConfigureAwait(false));
        }

        RemoteRange Take((byte[] Buffer, RemoteRange Range) read)
        {
            destination.Fill(read.Buffer.AsSpan(0, read.Range.Count));
            ArrayPool<byte>.Shared.Return(read.Buffer);
            return read.Range;
        }
    }
}
