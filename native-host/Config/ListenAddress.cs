using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tempo.Host.Config;

/// <summary>
/// Where a listener binds: <c>127.0.0.1:4317</c>, <c>[::]:4317</c>, <c>localhost:4317</c>, <c>tempo:4317</c>, <c>:4317</c> (every address).
/// </summary>
public sealed record ListenAddress(string Host, int Port)
{
    private const int MaxHostNameChars = 253;

    /// <summary>False if the port is missing or out of range, or the host is neither empty, an address, nor the form of a name.</summary>
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
        return address.IsWellFormed;
    }

    /// <summary>Whether the host can be one; if it is a name, whether somebody knows it shows when it is listened on.</summary>
    public bool IsWellFormed => Known() is not null || IsName(Host);

    /// <summary>
    /// The socket address. <c>localhost</c> is 127.0.0.1, whatever the machine says. Other names are looked up: in a composition of
    /// containers each has its own, and the examples of Tempo listen on it. Of several addresses the first of IPv4 counts, as in Go.
    /// </summary>
    /// <exception cref="SocketException">Nobody knows the name.</exception>
    public IPEndPoint Resolve()
    {
        if (Known() is { } address) return new IPEndPoint(address, Port);
        var addresses = Dns.GetHostAddresses(Host);
        var first = Array.Find(addresses, static a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses.FirstOrDefault();
        return new IPEndPoint(first ?? throw new SocketException((int)SocketError.HostNotFound), Port);
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private IPAddress? Known() => Host switch
    {
        "" => IPAddress.IPv6Any,
        "localhost" => IPAddress.Loopback,
        _ => IPAddress.TryParse(Host, out var parsed) ? parsed : null,
    };

    // Labels of letters, digits, - and _; the last is no number, or it would be an address with a slip of the pen.
    private static bool IsName(string host)
    {
        if (host.Length > MaxHostNameChars) return false;
        var labels = host.TrimEnd('.').Split('.');
        return labels.All(static label => label.Length is > 0 and < 64
            && label.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) && !labels[^1].All(char.IsAsciiDigit);
    }
}
