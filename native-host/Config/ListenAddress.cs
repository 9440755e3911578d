using System.Globalization;
using System.Net;

namespace Tempo.Host.Config;

/// <summary>Where a listener binds: <c>127.0.0.1:4317</c>, <c>[::]:4317</c>, <c>localhost:4317</c>, <c>:4317</c> (every address).</summary>
public sealed record ListenAddress(string Host, int Port)
{
    /// <summary>False if the port is missing or out of range, or the host is neither an address, empty, nor <c>localhost</c>.</summary>
    public static bool TryParse(string text, out ListenAddress address)
    {
        address = new ListenAddress("", 0);
        var colon = text.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port > 65535)
            return false;
        var host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']')) host = host[1..^1];
        else if (host.Contains(':', StringComparison.Ordinal)) return false;
        address = new ListenAddress(host, port);
        return address.TryGetEndPoint(out _);
    }

    /// <summary>
    /// The socket address. Names other than <c>localhost</c> (taken as 127.0.0.1) are refused: a listener that depends on
    /// a name server does not start the same way twice.
    /// </summary>
    public bool TryGetEndPoint(out IPEndPoint endPoint)
    {
        var ip = Host switch
        {
            "" => IPAddress.IPv6Any,
            "localhost" => IPAddress.Loopback,
            _ => IPAddress.TryParse(Host, out var parsed) ? parsed : null,
        };
        endPoint = new IPEndPoint(ip ?? IPAddress.Loopback, Port);
        return ip is not null;
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
