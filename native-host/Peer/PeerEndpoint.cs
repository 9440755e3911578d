using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Host.Http;
using Tempo.Host.Receivers;
using Tempo.Host.Startup;
using Tempo.Host.Telemetry;
using Tempo.Host.Telemetry.OwnTraces;
using Tempo.Ring;
using Tempo.Ring.Peers;

namespace Tempo.Host.Peer;

/// <summary>What other nodes of the ring ask of this one, on the gRPC port; see <see cref="PeerProtocol"/>.</summary>
internal sealed class PeerEndpoint
{
    private readonly TempoNode _node;
    private readonly RingNode _ring;
    private readonly RequestMemory _memory;
    private readonly RequestMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly PushIntake _intake;

    public PeerEndpoint(TempoNode node, RingNode ring, RequestMemory memory, RequestMetrics metrics, Log log, TimeProvider time)
    {
        (_node, _ring, _memory, _metrics, _time, _intake) = (node, ring, memory, metrics, time, new PushIntake(node, ring));
        Posts = new PeerPosts(_intake, ring.Options.Peers.Secret, memory, metrics, log, time);
    }

    /// <summary>Takes pushes below Kestrel.</summary>
    public PeerPosts Posts { get; }

    /// <summary>The listener's function: other nodes here, everything else to <paramref name="next"/>.</summary>
    /// <remarks>The listener takes HTTP/1.1 for pushes (<see cref="ListenerLimits.TakesPushes"/>); nothing else of it is for
    /// anybody.</remarks>
    public Func<HttpContext, Task> Before(Func<HttpContext, Task> next) => context =>
    {
        var path = context.Request.Path.Value ?? "";
        var isPeers = path.StartsWith(PeerProtocol.Root, StringComparison.Ordinal);
        if (HttpProtocol.IsHttp2(context.Request.Protocol)) return isPeers ? HandleAsync(context) : next(context);
        // A push of whatever version: of another one it is told so.
        return isPeers && (path == PeerProtocol.Push || !path.StartsWith(PeerProtocol.PathPrefix, StringComparison.Ordinal))
            ? HandleAsync(context)
            : RefuseAsync(context);
    };

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.Headers.Connection = "close";
        return PlainText.WriteAsync(
            context, StatusCodes.Status400BadRequest, "a request of HTTP/1.x was sent to a port of gRPC, which is HTTP/2\n");
    }

    private async Task HandleAsync(HttpContext context)
    {
        var started = _time.GetTimestamp();
        var path = context.Request.Path.Value ?? "";
        await AnswerAsync(context, path).ConfigureAwait(false);
        var asked = path.StartsWith(PeerProtocol.PathPrefix, StringComparison.Ordinal) ? path[PeerProtocol.PathPrefix.Length..] : "";
        _metrics.Observe(context.Request.Method, "tempo_peer_" + asked switch
        {
            "live" or "metas" or "part" or "slice" or "ping" or "push" => asked,
            _ => "other",
        }, context.Response.StatusCode.ToString(System.Globalization.CultureInfo.InvariantCulture), _time.GetElapsedTime(started));
    }

    private async Task AnswerAsync(HttpContext context, string path)
    {
        if (!Posts.IsMember(context.Request.Headers[PeerProtocol.SecretHeader].ToString()))
        {
            await PlainText.WriteAsync(context, StatusCodes.Status403Forbidden, "the ring's secret is missing or another one\n")
                .ConfigureAwait(false);
            return;
        }

        if (!path.StartsWith(PeerProtocol.PathPrefix, StringComparison.Ordinal))
        {
            var text = $"{_ring.Self.Id} speaks version {PeerProtocol.Version} of the protocol between nodes and was asked in that of {path}: all nodes of a ring speak the same one\n";
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, text).ConfigureAwait(false);
            return;
        }

        using var answer = new NativeBuffer(256);
        if (path == PeerProtocol.Ping)
        {
            if (PeerGreeting.TryParse(context.Request.Headers[PeerProtocol.GreetingHeader].ToString()) is not { } other)
                await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, "no greeting\n").ConfigureAwait(false);
            else await PlainText.WriteAsync(context, StatusCodes.Status200OK, _ring.Greet(other).ToString()).ConfigureAwait(false);
            return;
        }

        using var body = _memory.Rent();
        if (await BodyReader.ReadAsync(context.Request.BodyReader, body, PeerProtocol.MaxPushBytes, _time, context.RequestAborted)
            .ConfigureAwait(false) is not BodyStatus.Complete and var failure)
        {
            await PlainText.WriteAsync(
                context, failure == BodyStatus.TooLarge || body.Refusal.IsTooLarge
                    ? StatusCodes.Status413PayloadTooLarge
                    : StatusCodes.Status503ServiceUnavailable, $"{failure}\n").ConfigureAwait(false);
            return;
        }

        try
        {
            if (path == PeerProtocol.Push) await _intake.StoreAsync(body.Buffer, answer).ConfigureAwait(false);
            else if (PeerProtocol.QuestionOf(path) is { } question)
                await RequestSpan.RunAsync(context, path,
                    () => _node.AnswerPeerAsync(question, body.Buffer, answer, context.RequestAborted).AsTask()).ConfigureAwait(false);
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
}
