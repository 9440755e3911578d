using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Tempo.Host.Startup;

/// <summary>
/// One port for HTTP/1.1 and for HTTP/2 without TLS. Kestrel cannot tell them apart itself (it decides by TLS), yet a
/// client with "prior knowledge" shows in its first three bytes what it speaks: no HTTP/1 method starts with PRI.
/// <para>
/// The server binds two end points with the same address and different protocols. Both are served by one socket: a
/// connection is looked at, without taking anything from it, and handed to the end point of its protocol. With one end
/// point bound, connections go to it unseen. With a certificate the handshake comes first, and what is looked at is its content.
/// </para>
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The server disposes the listeners it was given, and they the shared one.")]
internal sealed class SniffingTransport(
    IConnectionListenerFactory sockets, ServerCertificate? certificate = null) : IConnectionListenerFactory
{
    private SharedListener? _shared;

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not SniffedEndPoint sniffed) return await sockets.BindAsync(endpoint, cancellationToken).ConfigureAwait(false);
        if (_shared is null)
        {
            // Every address of both families where the machine has both.
            var address = sniffed.Address.Address.Equals(IPAddress.IPv6Any) && !Socket.OSSupportsIPv6
                ? new IPEndPoint(IPAddress.Any, sniffed.Address.Port)
                : sniffed.Address;
            _shared = new SharedListener(await sockets.BindAsync(address, cancellationToken).ConfigureAwait(false), certificate);
        }

        return _shared.Add(sniffed);
    }
}
