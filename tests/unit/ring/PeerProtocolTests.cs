using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Ring.Membership;
using Tempo.Ring.Peers;

namespace Tempo.Ring.Tests;

/// <summary>
/// The bytes between nodes of version 3, as they are. Who has to change one of these has another version:
/// <see cref="PeerProtocol.Version"/> and the number in its paths change with it, and docs/scale.md says how rings are upgraded then.
/// </summary>
public sealed class PeerProtocolTests
{
    [Fact]
    public void The_version_stands_in_every_path()
    {
        Assert.Equal((3, "/tempo.peer/v3/"), (PeerProtocol.Version, PeerProtocol.PathPrefix));
        Assert.All((string[])[PeerProtocol.Push, PeerProtocol.Ping],
            static path => Assert.StartsWith(PeerProtocol.PathPrefix, path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_batch_of_records()
    {
        Assert.True(TenantId.TryParse("ab", out var tenant, out _));
        var record = new byte[PeerProtocol.HeaderSizeOf(tenant)];
        PeerProtocol.WriteRecordHeader(record, tenant, 3, isCounted: true);
        Assert.Equal("01 02 03000000 6162", Hex(record, 1, 1, 4, 2));
        byte[] batch = [7, 8, 9, .. record, 0, 0, 0, 0];
        PeerProtocol.WriteRecordsEnd(batch.AsSpan()[^PeerProtocol.RecordsEndBytes..], record.Length);
        Assert.Equal("08000000", Hex(batch[^PeerProtocol.RecordsEndBytes..], 4));
        Assert.Equal(3, PeerProtocol.ReadRecordsEnd(batch));
    }

    [Fact]
    public void The_head_of_a_push()
    {
        using var transport =
            new PeerTransport(new PeerOptions { Secret = "s" }, static () => new PeerGreeting("a", MemberState.Active, IsDrained: false));
        Assert.Equal("POST /tempo.peer/v3/push HTTP/1.1\r\nHost: b:9095\r\nContent-Type: application/x-tempo-peer\r\nx-tempo-peer-secret: s\r\nContent-Length: ", Encoding.ASCII.GetString(transport.PushHeadOf("b:9095")));
    }

    [Fact]
    public void An_outcome()
    {
        using var answer = new NativeBuffer();
        PeerProtocol.WriteOutcome(answer, new IngestOutcome(IngestStatus.Unavailable, 1, 2, "no") { RetryAfter = TimeSpan.FromSeconds(1) });
        Assert.Equal(
            $"{(byte)IngestStatus.Unavailable:X2} 01000000 02000000 E8030000 0200 6E6F", Hex(answer.Written.ToArray(), 1, 4, 4, 4, 2, 2));
        Assert.Equal((0, 1, 2, 3, 4, 5), ((int)IngestStatus.Accepted, (int)IngestStatus.Invalid, (int)IngestStatus.TooLarge,
            (int)IngestStatus.RateLimited, (int)IngestStatus.Overloaded, (int)IngestStatus.Unavailable));
    }

    [Fact]
    public void A_greeting() =>
        Assert.Equal("tempo%201 LEAVING 1 0", new PeerGreeting("tempo 1", MemberState.Leaving, IsDrained: true).ToString());

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
