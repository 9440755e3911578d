using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Ring;

/// <summary>What a link does.</summary>
[Flags]
internal enum LinkFault
{
    None = 0,

    /// <summary>What is sent to the server vanishes; connections are taken and stay open.</summary>
    RequestsVanish = 1,

    /// <summary>What the server sends vanishes: it has heard, and nobody hears of it.</summary>
    AnswersVanish = 2,

    /// <summary>A fifth of a second is added, each way.</summary>
    Slow = 4,

    /// <summary>Requests between nodes reach the server as a node of the next version would send them.</summary>
    NextVersion = 8,
}

/// <summary>
/// A link to a port that can be cut in one direction or both without either side being told, as a broken switch or a full table of a
/// firewall does. What vanished does not come later: a connection that lost something is dead, and is closed when the link is whole again.
/// </summary>
internal sealed class FaultProxy : IDisposable
{
    private readonly TcpListener _listener;
    private readonly int _target;
    private readonly Lock _lock = new();
    private readonly HashSet<Link> _links = [];
    private volatile LinkFault _fault;

    public FaultProxy(int target)
    {
        _target = target;
        Port = TempoPorts.Free().Api;
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port { get; }

    public string Address => $"127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}";

    public LinkFault Fault
    {
        get => _fault;
        set
        {
            // A connection has one version for all its life.
            var isOtherVersion = ((_fault ^ value) & LinkFault.NextVersion) != 0;
            _fault = value;
            if (value != LinkFault.None && !isOtherVersion) return;
            lock (_lock)
                foreach (var link in _links.Where(link => isOtherVersion || link.Lost != LinkFault.None)) link.Close();
        }
    }

    public void Dispose()
    {
        _listener.Stop();
        lock (_lock)
            foreach (var link in _links) link.Close();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = CarryAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var server = new TcpClient { NoDelay = true };
        client.NoDelay = true;
        var link = new Link(client, server);
        lock (_lock) _links.Add(link);
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _target);
            await Task.WhenAny(
                CopyAsync(link, client, server, LinkFault.RequestsVanish), CopyAsync(link, server, client, LinkFault.AnswersVanish));
        }
        catch (SocketException)
        {
            // The server is not there; neither is this connection.
        }
        finally
        {
            lock (_lock) _links.Remove(link);
            link.Close();
        }
    }

    private async Task CopyAsync(Link link, TcpClient from, TcpClient to, LinkFault cut)
    {
        var buffer = new byte[64 << 10];
        try
        {
            var (source, destination) = (from.GetStream(), to.GetStream());
            while (await source.ReadAsync(buffer) is > 0 and var count)
            {
                var fault = _fault;
                if ((fault & LinkFault.Slow) != 0) await Task.Delay(200);
                if ((fault & cut) != 0) link.Lost |= cut;
                if (cut == LinkFault.RequestsVanish && (fault & LinkFault.NextVersion) != 0) SayNextVersion(buffer.AsSpan(0, count));
                // A hole in a stream of bytes would make no sense to who gets what comes after it.
                if ((link.Lost & cut) == 0) await destination.WriteAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Closed by one side.
        }
    }

    // Paths travel as they are, in the heads of requests.
    private static void SayNextVersion(Span<byte> sent)
    {
        for (var rest = sent; rest.IndexOf("/tempo.peer/v3/"u8) is >= 0 and var at; rest = rest[(at + 1)..])
            rest[at + "/tempo.peer/v"u8.Length]++;
    }

    private sealed class Link(TcpClient client, TcpClient server)
    {
        private int _lost;

        /// <summary>The directions in which something has vanished.</summary>
        public LinkFault Lost
        {
            get => (LinkFault)Volatile.Read(ref _lost);
            set => Interlocked.Or(ref _lost, (int)value);
        }

        public void Close()
        {
            client.Dispose();
            server.Dispose();
        }
    }
}
