using System.Buffers;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Tempo.Host.Startup;

/// <summary>Accepts from one socket for the end points of <see cref="SniffingTransport"/>.</summary>
internal sealed class SharedListener(IConnectionListener socket, ServerCertificate? certificate = null) : IAsyncDisposable
{
    /// <summary>A connection that sends nothing is closed after this; the server's own timeouts start only once it has it.</summary>
    private static readonly TimeSpan SilenceTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Connections that have sent nothing yet; beyond it new ones are closed.</summary>
    private const int MaxSilentConnections = 10_000;

    private readonly List<EndPointListener> _endPoints = [];
    private readonly CancellationTokenSource _unbound = new();
    private Task? _accepting;
    private int _silentConnections;
    private int _isUnbound;
    private int _isDisposed;

    /// <summary>The listener of one end point. All are added before the first is asked to accept.</summary>
    public EndPointListener Add(SniffedEndPoint endPoint)
    {
        var listener = new EndPointListener(this, endPoint);
        _endPoints.Add(listener);
        return listener;
    }

    internal void EnsureAccepting()
    {
        lock (_endPoints) _accepting ??= AcceptAllAsync();
    }

    internal async ValueTask UnbindAsync(CancellationToken cancellation)
    {
        if (Interlocked.Exchange(ref _isUnbound, 1) == 1) return;
        await _unbound.CancelAsync().ConfigureAwait(false);
        await socket.UnbindAsync(cancellation).ConfigureAwait(false);
        foreach (var endPoint in _endPoints) endPoint.Connections.Writer.TryComplete();
    }

    /// <summary>Each end point disposes it; the second time there is nothing left to do.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1) return;
        await UnbindAsync(CancellationToken.None).ConfigureAwait(false);
        if (_accepting is not null) await _accepting.ConfigureAwait(false);
        await socket.DisposeAsync().ConfigureAwait(false);
        _unbound.Dispose();
    }

    private async Task AcceptAllAsync()
    {
        Exception? failure = null;
        try
        {
            while (await socket.AcceptAsync().ConfigureAwait(false) is { } connection)
            {
                if (_endPoints.Count == 1 && certificate is null) await HandAsync(connection, _endPoints[0]).ConfigureAwait(false);
                else _ = SortAsync(connection);
            }
        }
        catch (Exception e)
        {
            // Goes to the server by way of its next accept.
            failure = e;
        }

        foreach (var endPoint in _endPoints) endPoint.Connections.Writer.TryComplete(failure);
    }

    // Never throws: nobody waits for it.
    private async Task SortAsync(ConnectionContext connection)
    {
        HttpProtocols? protocol = null;
        try
        {
            if (Interlocked.Increment(ref _silentConnections) <= MaxSilentConnections
                && (certificate is null || await SecureConnection.AuthenticateAsync(connection, certificate, _unbound.Token)
                    .ConfigureAwait(false)))
                protocol = _endPoints.Count == 1 ? _endPoints[0].Protocol : await SniffAsync(connection).ConfigureAwait(false);
        }
        catch (OutOfMemoryException)
        {
            // It is closed, and counted no more: else so many of them would close the port.
        }

        Interlocked.Decrement(ref _silentConnections);
        var endPoint = _endPoints.Find(e => e.Protocol == protocol);
        if (endPoint is null) await CloseAsync(connection).ConfigureAwait(false);
        else await HandAsync(connection, endPoint).ConfigureAwait(false);
    }

    private static ValueTask HandAsync(ConnectionContext connection, EndPointListener endPoint) =>
        endPoint.Connections.Writer.TryWrite(connection) ? ValueTask.CompletedTask : CloseAsync(connection);

    private static ValueTask CloseAsync(ConnectionContext connection)
    {
        connection.Abort();
        return connection.DisposeAsync();
    }

    // Null if the connection ended, or was silent, before it showed what it is.
    private async Task<HttpProtocols?> SniffAsync(ConnectionContext connection)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_unbound.Token);
        timeout.CancelAfter(SilenceTimeout);
        var input = connection.Transport.Input;
        try
        {
            while (true)
            {
                var result = await input.ReadAsync(timeout.Token).ConfigureAwait(false);
                var protocol = Recognise(result.Buffer);

                // Nothing is consumed. Once it is known what it is, nothing counts as looked at either, so that the next
                // reader gets the bytes at once and need not wait for more.
                input.AdvanceTo(result.Buffer.Start, protocol is null ? result.Buffer.End : result.Buffer.Start);
                if (protocol is not null || result.IsCompleted) return protocol;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return null;
        }
    }

    /// <summary>What the first bytes of a connection say; null while they could still be either.</summary>
    internal static HttpProtocols? Recognise(ReadOnlySequence<byte> start)
    {
        Span<byte> first = stackalloc byte[3];
        var count = (int)Math.Min(start.Length, first.Length);
        start.Slice(0, count).CopyTo(first);
        var preface = "PRI"u8;
        if (!first[..count].SequenceEqual(preface[..count])) return HttpProtocols.Http1;
        return count == preface.Length ? HttpProtocols.Http2 : null;
    }
}

/// <summary>One end point of a <see cref="SharedListener"/>, as the server sees it.</summary>
internal sealed class EndPointListener(SharedListener shared, SniffedEndPoint endPoint) : IConnectionListener
{
    public EndPoint EndPoint => endPoint;

    public HttpProtocols Protocol => endPoint.Protocol;

    internal Channel<ConnectionContext> Connections { get; } = Channel.CreateUnbounded<ConnectionContext>();

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        shared.EnsureAccepting();
        var connections = Connections.Reader;
        while (await connections.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (connections.TryRead(out var connection)) return connection;
        }

        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => shared.UnbindAsync(cancellationToken);

    public ValueTask DisposeAsync() => shared.DisposeAsync();
}
