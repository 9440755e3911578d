using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Tempo.Engine.ObjectStore;

/// <summary>A server: its connections, and a rest when it fails again and again. Thread safe.</summary>
internal sealed class MemcachedServer(IPEndPoint address, MemcachedOptions options, TimeProvider time) : IDisposable
{
    private readonly ConcurrentBag<MemcachedConnection> _idle = [];
    private readonly Breaker _breaker = new(options.BreakAfterFailures, options.RestTime, time);
    private volatile bool _isGone;

    public IPEndPoint Address => address;

    /// <summary>The result of a request, and whether it was answered: not by a server that rests, fails or is late.</summary>
    public async ValueTask<(T? Result, bool IsAnswered)> AskAsync<T>(
        Func<MemcachedConnection, CancellationToken, ValueTask<T>> request, CancellationToken cancellation)
    {
        if (_breaker.IsBroken()) return default;
        using var late = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            var result = await AskOnceOrTwiceAsync(request, either.Token).ConfigureAwait(false);
            _breaker.ReportSuccess();
            return (result, true);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            _breaker.ReportFailure();
            return default;
        }
        finally
        {
            _breaker.ReportEnd();
        }
    }

    // A connection that lay there may have been closed by the server meanwhile, which says nothing of the server now.
    private async ValueTask<T> AskOnceOrTwiceAsync<T>(
        Func<MemcachedConnection, CancellationToken, ValueTask<T>> request, CancellationToken cancellation)
    {
        if (_idle.TryTake(out var kept))
        {
            try
            {
                return await AskAsync(kept, request, cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // On a new one, then.
            }
        }

        return await AskAsync(await ConnectAsync(cancellation).ConfigureAwait(false), request, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<T> AskAsync<T>(
        MemcachedConnection connection, Func<MemcachedConnection, CancellationToken, ValueTask<T>> request, CancellationToken cancellation)
    {
        try
        {
            var result = await request(connection, cancellation).ConfigureAwait(false);
            Keep(connection);
            return result;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _isGone = true;
        while (_idle.TryTake(out var connection)) connection.Dispose();
    }

    private void Keep(MemcachedConnection connection)
    {
        if (_isGone || _idle.Count >= options.MaxIdleConnections) connection.Dispose();
        else _idle.Add(connection);
    }

    private async ValueTask<MemcachedConnection> ConnectAsync(CancellationToken cancellation)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancellation).ConfigureAwait(false);
            return new MemcachedConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
