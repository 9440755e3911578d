namespace Tempo.Engine.Otlp.Foreign.Zipkin;

/// <summary>An endpoint as sent: addresses as text or as 4 or 16 bytes.</summary>
internal ref struct ZipkinEndpoint
{
    public ReadOnlySpan<byte> ServiceName;

    /// <summary>The address as text; empty if it was sent as bytes, or not at all.</summary>
    public ReadOnlySpan<byte> IpText;

    /// <summary>The address as 4 or 16 bytes.</summary>
    public ReadOnlySpan<byte> IpBytes;

    /// <summary>The address as a number, its first part in the highest byte; 0: not sent.</summary>
    public uint Ipv4;

    /// <summary>0: not sent.</summary>
    public int Port;
}
