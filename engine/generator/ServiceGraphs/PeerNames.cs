using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator.ServiceGraphs;

/// <summary>Who is at the other end of a span, as far as its own attributes tell.</summary>
internal sealed class PeerNames
{
    private readonly int[] _peers;

    // In the resource or in the span.
    private readonly Attribute[] _databases;
    private readonly Attribute _peerService;
    private readonly Attribute _serverAddress;
    private readonly Attribute _networkAddress;
    private readonly Attribute _networkPort;
    private byte[] _address = new byte[64];

    public PeerNames(ServiceGraphSettings settings, CurrentSpan current)
    {
        _peers = [.. settings.PeerAttributes.Select(current.Span.Ask)];
        _databases = [.. settings.DatabaseNameAttributes.Select(Ask)];
        _peerService = Ask("peer.service");
        _serverAddress = Ask("server.address");
        _networkAddress = Ask("network.peer.address");
        _networkPort = Ask("network.peer.port");

        Attribute Ask(string key) => new(current.Resource.Ask(key), current.Span.Ask(key));
    }

    /// <summary>The first peer attribute; empty if there is none.</summary>
    public ReadOnlySpan<byte> Peer(CurrentSpan current) => First(current, _peers);

    /// <summary>The span asks a database: its name, good until the next call.</summary>
    public bool TryDatabase(CurrentSpan current, out ReadOnlySpan<byte> name)
    {
        name = default;
        foreach (var attribute in _databases)
        {
            name = attribute.Of(current);
            if (name.Length > 0) break;
        }

        if (name.IsEmpty) return false;
        if (_peerService.Of(current) is { Length: > 0 } service) name = service;
        else if (_serverAddress.Of(current) is { Length: > 0 } server) name = server;
        else if (_networkAddress.Of(current) is { Length: > 0 } address) name = NetworkPeer(address, _networkPort.Of(current));
        return true;
    }

    private ReadOnlySpan<byte> NetworkPeer(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port)
    {
        if (port.IsEmpty) return address;
        var length = address.Length + 1 + port.Length;
        if (length > _address.Length) _address = new byte[length];
        address.CopyTo(_address);
        _address[address.Length] = (byte)':';
        port.CopyTo(_address.AsSpan(address.Length + 1));
        return _address.AsSpan(0, length);
    }

    private static ReadOnlySpan<byte> First(CurrentSpan current, int[] attributes)
    {
        foreach (var attribute in attributes)
            if (current.Span[attribute] is { Length: > 0 } value) return value;
        return [];
    }

    private readonly record struct Attribute(int Resource, int Span)
    {
        public ReadOnlySpan<byte> Of(CurrentSpan current) =>
            current.Resource[Resource] is { Length: > 0 } value ? value : current.Span[Span];
    }
}
