using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Tempo.Engine.ObjectStore;

/// <summary>A server: its connections, and a rest when it fails again and again. Thread safe.</summary>
internal sealed class MemcachedServer(IPEndPoint address, MemcachedOptions options, TimeProvider time) : IDisposable
{
    private readonly ConcurrentBag<MemcachedConnection> _idle = [];
    private int _failuresInARow;
    private long _brokenSince;
    private volatile bool _isGone;

    public IPEndPoint Address => address;

    /// <summary>One request after a rest shows whether it is over.</summary>
    private bool IsBroken
    {
        get
        {
            if (Volatile.Read(ref _failuresInARow) < options.BreakAfterFailures) return false;
            var since = Volatile.Read(ref _brokenSince);
            return time.GetElapsedTime(since) < options.RestTime || Interlocked.CompareExchange(ref _brokenSince, time.GetTimestamp(), since) != since;
        }
    }

    /// <summary>The result of a request, and whether it was answered: not by a server that rests, fails or is late.</summary>
    public async ValueTask<(T? Result, bool IsAnswered)> AskAsync<T>(Func<MemcachedConnection, CancellationToken, ValueTask<T>> request, CancellationToken cancellation)
    {
        if (IsBroken) return default;
        using var late = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        MemcachedConnection? connection = null;
        try
        {
            if (!_idle.TryTake(out connection)) connection = await ConnectAsync(either.Token).ConfigureAwait(false);
            var result = await request(connection, either.Token).ConfigureAwait(false);
            Volatile.Write(ref _failuresInARow, 0);
            Keep(connection);
            return (result, true);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            connection?.Dispose();
            cancellation.ThrowIfCancellationRequested();
            if (Interlocked.Increment(ref _failuresInARow) == options.BreakAfterFailures) Volatile.Write(ref _brokenSince, time.GetTimestamp());
            return default;
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
