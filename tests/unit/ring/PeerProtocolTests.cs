using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Ring.Membership;
using Tempo.Ring.Peers;

namespace Tempo.Ring.Tests;

/// <summary>
/// The bytes between nodes of version 2, as they are. Who has to change one of these has another version: <see cref="PeerProtocol.Version"/> and the
/// number in its paths change with it, and docs/scale.md says how rings are upgraded then.
/// </summary>
public sealed class PeerProtocolTests
{
    [Fact]
    public void The_version_stands_in_every_path()
    {
        Assert.Equal((2, "/tempo.peer/v2/"), (PeerProtocol.Version, PeerProtocol.PathPrefix));
        Assert.All((string[])[PeerProtocol.PushStream, PeerProtocol.Ping], static path => Assert.StartsWith(PeerProtocol.PathPrefix, path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_frame_of_records()
    {
        Assert.True(TenantId.TryParse("ab", out var tenant, out _));
        var record = new byte[PeerProtocol.HeaderSizeOf(tenant)];
        PeerProtocol.WriteRecordHeader(record, tenant, 3, isCounted: true);
        Assert.Equal("01 02 03000000 6162", Hex(record, 1, 1, 4, 2));
        byte[] frame = [7, 8, 9, .. record, 0, 0, 0, 0];
        PeerProtocol.WriteRecordsEnd(frame.AsSpan()[^PeerProtocol.RecordsEndBytes..], record.Length);
        Assert.Equal("08000000", Hex(frame[^PeerProtocol.RecordsEndBytes..], 4));
        Assert.Equal(3, PeerProtocol.ReadRecordsEnd(frame));
        var header = new byte[PeerProtocol.FrameHeaderBytes];
        PeerProtocol.WriteFrameHeader(header, 0x01020304, 11);
        Assert.Equal("04030201 0B000000", Hex(header, 4, 4));
    }

    [Fact]
    public void An_outcome()
    {
        using var answer = new NativeBuffer();
        PeerProtocol.WriteOutcome(answer, new IngestOutcome(IngestStatus.Unavailable, 1, 2, "no") { RetryAfter = TimeSpan.FromSeconds(1) });
        Assert.Equal($"{(byte)IngestStatus.Unavailable:X2} 01000000 02000000 E8030000 0200 6E6F", Hex(answer.Written.ToArray(), 1, 4, 4, 4, 2, 2));
        Assert.Equal((0, 1, 2, 3, 4, 5), ((int)IngestStatus.Accepted, (int)IngestStatus.Invalid, (int)IngestStatus.TooLarge, (int)IngestStatus.RateLimited, (int)IngestStatus.Overloaded, (int)IngestStatus.Unavailable));
    }

    [Fact]
    public void A_greeting() => Assert.Equal("tempo%201 LEAVING 1 0", new PeerGreeting("tempo 1", MemberState.Leaving, IsDrained: true).ToString());

    private static string Hex(byte[] bytes, params int[] parts)
    {
        Assert.Equal(bytes.Length, parts.Sum());
        var text = new StringBuilder();
        var at = 0;
        foreach (var part in parts)
        {
            text.Append(at == 0 ? "" : " ").Append(Convert.ToHexString(bytes, at, part));
            at += part;
        }

        return text.ToString();
    }
}
