using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator.ServiceGraphs;

/// <summary>Who is at the other end of a span, as far as its own attributes tell.</summary>
internal sealed class PeerNames
{
    private static readonly string[] DatabaseAttributes = ["db.namespace", "db.name", "db.system", "db.system.name"];

    private readonly int[] _peers;
    private readonly int[] _databases;
    private readonly int _peerService;
    private readonly int _serverAddress;
    private readonly int _networkAddress;
    private readonly int _networkPort;
    private byte[] _address = new byte[64];

    public PeerNames(ServiceGraphSettings settings, CurrentSpan current)
    {
        _peers = [.. settings.PeerAttributes.Select(current.Span.Ask)];
        _databases = [.. DatabaseAttributes.Select(current.Span.Ask)];
        _peerService = current.Span.Ask("peer.service");
        _serverAddress = current.Span.Ask("server.address");
        _networkAddress = current.Span.Ask("network.peer.address");
        _networkPort = current.Span.Ask("network.peer.port");
    }

    /// <summary>The first peer attribute; empty if there is none.</summary>
    public ReadOnlySpan<byte> Peer(CurrentSpan current) => First(current, _peers);

    /// <summary>The span asks a database: its name, good until the next call.</summary>
    public bool TryDatabase(CurrentSpan current, out ReadOnlySpan<byte> name)
    {
        name = First(current, _databases);
        if (name.IsEmpty) return false;
        if (current.Span.Has(_peerService)) name = current.Span[_peerService];
        else if (current.Span.Has(_serverAddress)) name = current.Span[_serverAddress];
        else if (current.Span.Has(_networkAddress)) name = NetworkPeer(current);
        return true;
    }

    private ReadOnlySpan<byte> NetworkPeer(CurrentSpan current)
    {
        var address = current.Span[_networkAddress];
        var port = current.Span[_networkPort];
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
}
