using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Host.Http;
using Tempo.Host.Receivers;
using Tempo.Host.Startup;
using Tempo.Host.Telemetry;
using Tempo.Ring;
using Tempo.Ring.Peers;

namespace Tempo.Host.Peer;

/// <summary>What other nodes of the ring ask of this one, on the gRPC port; see <see cref="PeerProtocol"/>.</summary>
internal sealed class PeerEndpoint(TempoNode node, RingNode ring, RequestMemory memory, RequestMetrics metrics, TimeProvider time)
{
    private const int MaxBodyBytes = 512 << 20;
    private readonly byte[] _secret = Encoding.UTF8.GetBytes(ring.Options.Peers.Secret);
    private readonly PushStreamServer _pushes = new(node, ring, memory, metrics, time);

    /// <summary>The listener's function: other nodes here, everything else to <paramref name="next"/>.</summary>
    /// <remarks>The listener takes HTTP/1.1 for the push stream (<see cref="ListenerLimits.TakesUpgrades"/>); nothing else of it is for anybody.</remarks>
    public Func<HttpContext, Task> Before(Func<HttpContext, Task> next) => context =>
    {
        var path = context.Request.Path.Value ?? "";
        var isPeers = path.StartsWith(PeerProtocol.Root, StringComparison.Ordinal);
        if (HttpProtocol.IsHttp2(context.Request.Protocol)) return isPeers ? HandleAsync(context) : next(context);
        // A push stream of whatever version: of another one it is told so.
        return isPeers && (path == PeerProtocol.PushStream || !path.StartsWith(PeerProtocol.PathPrefix, StringComparison.Ordinal)) ? HandleAsync(context) : RefuseAsync(context);
    };

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.Headers.Connection = "close";
        return PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, "a request of HTTP/1.x was sent to a port of gRPC, which is HTTP/2\n");
    }

    private async Task HandleAsync(HttpContext context)
    {
        var started = time.GetTimestamp();
        var path = context.Request.Path.Value ?? "";
        await AnswerAsync(context, path).ConfigureAwait(false);
        if (path == PeerProtocol.PushStream) return; // each batch is a request
        var asked = path.StartsWith(PeerProtocol.PathPrefix, StringComparison.Ordinal) ? path[PeerProtocol.PathPrefix.Length..] : "";
        metrics.Observe(context.Request.Method, "tempo_peer_" + asked switch
        {
            "live" or "metas" or "part" or "ping" => asked,
            _ => "other",
        }, context.Response.StatusCode.ToString(System.Globalization.CultureInfo.InvariantCulture), time.GetElapsedTime(started));
    }

    private async Task AnswerAsync(HttpContext context, string path)
    {
        if (!IsMember(context.Request))
        {
            await PlainText.WriteAsync(context, StatusCodes.Status403Forbidden, "the ring's secret is missing or another one\n").ConfigureAwait(false);
            return;
        }

        if (!path.StartsWith(PeerProtocol.PathPrefix, StringComparison.Ordinal))
        {
            var text = $"{ring.Self.Id} speaks version {PeerProtocol.Version} of the protocol between nodes and was asked in that of {path}: all nodes of a ring speak the same one\n";
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, text).ConfigureAwait(false);
            return;
        }

        using var answer = new NativeBuffer(256);
        if (path == PeerProtocol.Ping)
        {
            if (PeerGreeting.TryParse(context.Request.Headers[PeerProtocol.GreetingHeader].ToString()) is not { } other) await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, "no greeting\n").ConfigureAwait(false);
            else await PlainText.WriteAsync(context, StatusCodes.Status200OK, ring.Greet(other).ToString()).ConfigureAwait(false);
            return;
        }

        if (path == PeerProtocol.PushStream)
        {
            await _pushes.ServeAsync(context).ConfigureAwait(false);
            return;
        }

        using var body = memory.Rent();
        if (await BodyReader.ReadAsync(context.Request.BodyReader, body, MaxBodyBytes, time, context.RequestAborted).ConfigureAwait(false) is not BodyStatus.Complete and var failure)
        {
            await PlainText.WriteAsync(context, failure == BodyStatus.TooLarge || body.Refusal.IsTooLarge ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status503ServiceUnavailable, $"{failure}\n").ConfigureAwait(false);
            return;
        }

        try
        {
            if (PeerProtocol.QuestionOf(path) is { } question) await node.AnswerPeerAsync(question, body.Buffer, answer, context.RequestAborted).ConfigureAwait(false);
            else
            {
                await PlainText.WriteAsync(context, StatusCodes.Status404NotFound, PlainText.PageNotFound).ConfigureAwait(false);
                return;
            }
        }
        catch (PeerException e)
        {
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, e.Message + "\n").ConfigureAwait(false);
            return;
        }

        context.Response.ContentType = PeerProtocol.ContentType;
        context.Response.ContentLength = answer.Length;
        await WriteAsync(context, answer).ConfigureAwait(false);
    }

    private static async Task WriteAsync(HttpContext context, NativeBuffer answer)
    {
        const int atOnce = 256 * 1024;
        var writer = context.Response.BodyWriter;
        for (var sent = 0; sent < answer.Length; sent += atOnce)
        {
            Append(writer, answer, sent, Math.Min(atOnce, answer.Length - sent));
            await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        }

        static void Append(System.IO.Pipelines.PipeWriter writer, NativeBuffer answer, int from, int count)
        {
            answer.Written.Slice(from, count).CopyTo(writer.GetSpan(count));
            writer.Advance(count);
        }
    }

    private bool IsMember(HttpRequest request) =>
        _secret.Length == 0 || CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(request.Headers[PeerProtocol.SecretHeader].ToString()), _secret);
}
