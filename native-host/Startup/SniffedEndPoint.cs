using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Tempo.Host.Startup;

/// <summary>The connections of a socket address that speak one protocol; see <see cref="SniffingTransport"/>.</summary>
internal sealed class SniffedEndPoint(IPEndPoint address, HttpProtocols protocol) : EndPoint
{
    public IPEndPoint Address { get; } = address;
    public HttpProtocols Protocol { get; } = protocol;

    public override string ToString() => $"{Address} ({Protocol})";
}
