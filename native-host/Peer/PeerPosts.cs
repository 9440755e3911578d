using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Host.Edge;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;
using Tempo.Host.Telemetry;
using Tempo.Ring.Peers;

namespace Tempo.Host.Peer;

/// <summary>
/// Pushes of other nodes, as plain posts below Kestrel: a thread is woken when the batch is there, stores it and answers. What is not of
/// the ring, or comes by TLS, is Kestrel's and so <see cref="PeerEndpoint"/>'s.
/// </summary>
internal sealed class PeerPosts(PushIntake intake, string secret, RequestMemory memory, RequestMetrics requests, Log log, TimeProvider time)
    : PlainPosts(
        new PostShape(PeerProtocol.Push, PeerProtocol.ContentType, PeerProtocol.SecretHeader), memory, PeerProtocol.MaxPushBytes, log, time)
{
    private readonly byte[] _secret = Encoding.UTF8.GetBytes(secret);

    // Who sends a batch has all of it ready.
    public override int WaitsForBytes => 1 << 20;

    public override bool JudgesSender => true;

    public override bool TryAccept(string? sender, out TenantId tenant)
    {
        tenant = default;
        return IsMember(sender ?? "");
    }

    /// <summary>Whether who says so knows the ring's secret.</summary>
    public bool IsMember(string said) =>
        _secret.Length == 0 || CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(said), _secret);

    public override ValueTask<GrpcStatus> AdmitAsync() => new(GrpcStatus.Ok);

    public override (int Code, byte[] Answer) Refuse(in GrpcStatus status) => Text(503, status.Message);

    public override async ValueTask<(int Code, byte[] Answer)> StoreAsync(TenantId tenant, RequestBody body)
    {
        using var answer = new NativeBuffer(256);
        try
        {
            await intake.StoreAsync(body.Buffer, answer).ConfigureAwait(false);
        }
        catch (PeerException e)
        {
            return Text(400, e.Message);
        }

        return (200, EdgeAnswers.Compose(200, "", answer.Written));
    }

    public override void Observe(int code, long started) =>
        requests.Observe("POST", "tempo_peer_push", code.ToString(CultureInfo.InvariantCulture), Time.GetElapsedTime(started));

    private static (int Code, byte[] Answer) Text(int code, string text) =>
        (code, EdgeAnswers.Compose(code, "", Encoding.UTF8.GetBytes(text + "\n")));
}
