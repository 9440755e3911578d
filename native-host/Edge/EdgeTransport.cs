using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Tempo.Host.Edge;

/// <summary>The socket transport of a port where plain posts are served below Kestrel. Linux only.</summary>
/// <param name="options">Of the sockets that Kestrel gets.</param>
/// <param name="posts">Takes plain posts.</param>
/// <param name="timeouts">See <see cref="EdgeListener"/>.</param>
internal sealed class EdgeTransport(
    SocketTransportOptions options, PlainPosts posts, (TimeSpan Idle, TimeSpan Head) timeouts) : IConnectionListenerFactory
{
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var socket = options.CreateBoundListenSocket(endpoint);
        try
        {
            socket.Listen(options.Backlog);
            var kestrel = new SocketConnectionContextFactory(FactoryOptions(options), NullLogger.Instance);
            return ValueTask.FromResult<IConnectionListener>(new EdgeListener(socket, kestrel, posts, timeouts));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // The public constructor knows nothing of the memory pool (TransportMemory).
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SocketConnectionFactoryOptions FactoryOptions(SocketTransportOptions options);
}
