using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Host.Http;
using Tempo.Host.Receivers;
using Tempo.Host.Telemetry;
using Tempo.Ring;
using Tempo.Ring.Peers;

namespace Tempo.Host.Peer;

/// <summary>
/// The other end of the ring's push stream: reads batches from one node until it goes, stores several at once, and answers each when its
/// records are durable or refused.
/// </summary>
internal sealed class PushStreamServer(TempoNode node, RingNode ring, RequestMemory memory, RequestMetrics metrics, TimeProvider time)
{
    private const int MaxFrameBytes = 512 << 20;

    /// <summary>Batches of one node that are stored at once; more are not read.</summary>
    private const int MaxBatches = 8;

    private readonly PushIntake _intake = new(node, ring);

    /// <summary>Within a frame: longer than a sender waits for its outcome. What has come of the frame holds memory that is all peers'.</summary>
    private static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(30);

    /// <summary>Bytes that are made room for, and read, at once.</summary>
    private const int PieceBytes = 256 * 1024;

    /// <summary>Serves the stream until it ends; a request that is no upgrade is told so.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true } upgrade
            || !HttpMethods.IsGet(context.Request.Method) || context.Request.Headers.Upgrade != PeerProtocol.PushUpgrade)
        {
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, $"{PeerProtocol.PushStream} is an upgraded connection of HTTP/1.1\n").ConfigureAwait(false);
            return;
        }

        if (context.Features.Get<IConnectionSocketFeature>() is { Socket: var socket }) PeerSocket.KeepAlive(socket);
        context.Response.Headers.Upgrade = PeerProtocol.PushUpgrade;
        var stream = await upgrade.UpgradeAsync().ConfigureAwait(false);
        using var silence = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, ring.Ending, silence.Token);
        using var places = new SemaphoreSlim(MaxBatches);
        using var turn = new SemaphoreSlim(1);
        using var reader = new FrameReader(stream, silence);
        try
        {
            while (await reader.ReadHeaderAsync(end.Token).ConfigureAwait(false) is { } header)
            {
                if (header.Bytes > MaxFrameBytes) throw new PeerException($"a frame of {header.Bytes} bytes; the limit is {MaxFrameBytes}");
                await places.WaitAsync(end.Token).ConfigureAwait(false);
                var body = memory.Rent();
                bool fits;
                try
                {
                    fits = await reader.ReadBodyAsync(body, (int)header.Bytes, end.Token).ConfigureAwait(false);
                }
                catch
                {
                    body.Dispose();
                    places.Release();
                    throw;
                }

                _ = StoreAsync(context, stream, header.Number, body, fits, places, turn);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The other node goes, or this one; or it said no more in the middle of a frame.
        }
        catch (IOException)
        {
            // It went in the middle of a frame, as one does that gave up waiting.
        }
        finally
        {
            // What was read is answered.
            for (var i = 0; i < MaxBatches; i++) await places.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    // Ends in no exception: what fails is answered with nothing, or there is nobody to answer.
    private async Task StoreAsync(HttpContext context, Stream stream, uint number, RequestBody body, bool fits, SemaphoreSlim places, SemaphoreSlim turn)
    {
        var started = time.GetTimestamp();
        var isAnswered = false;
        try
        {
            using var answer = new NativeBuffer(256);
            answer.GetSpan(PeerProtocol.FrameHeaderBytes);
            answer.Advance(PeerProtocol.FrameHeaderBytes);
            using (body)
                if (fits) await _intake.StoreAsync(body.Buffer, answer).ConfigureAwait(false);
            await turn.WaitAsync(context.RequestAborted).ConfigureAwait(false);
            try
            {
                await stream.WriteAsync(Framed(number, answer), context.RequestAborted).ConfigureAwait(false);
                isAnswered = fits;
            }
            finally
            {
                turn.Release();
            }
        }
        catch (Exception)
        {
            // Without an answer the other node would wait until its time is over.
            if (!context.RequestAborted.IsCancellationRequested) context.Abort();
        }
        finally
        {
            metrics.Observe("POST", "tempo_peer_push", isAnswered ? "200" : "503", time.GetElapsedTime(started)); // a batch, not the stream
            places.Release();
        }
    }

    private static byte[] Framed(uint number, NativeBuffer answer)
    {
        var frame = answer.Written.ToArray(); // some bytes a record
        PeerProtocol.WriteFrameHeader(frame, number, frame.Length - PeerProtocol.FrameHeaderBytes);
        return frame;
    }

    /// <summary>Takes frames from the stream, their records straight into the memory that is stored.</summary>
    private sealed class FrameReader(Stream stream, CancellationTokenSource silence) : IDisposable
    {
        private readonly byte[] _header = new byte[PeerProtocol.FrameHeaderBytes];
        private readonly BufferMemory _memory = new();

        public void Dispose() => ((IDisposable)_memory).Dispose();

        /// <summary>Null at the stream's end.</summary>
        public async ValueTask<(uint Number, uint Bytes)?> ReadHeaderAsync(CancellationToken cancellation)
        {
            var count = await stream.ReadAtLeastAsync(_header, _header.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            return count < _header.Length ? null : PeerProtocol.ReadFrameHeader(_header);
        }

        /// <summary>False if there was no room for it; it was read all the same, so that the next frame is found.</summary>
        public async ValueTask<bool> ReadBodyAsync(RequestBody body, int length, CancellationToken cancellation)
        {
            var left = length;
            while (left > 0)
            {
                // Never from what the frame says of its own length: a piece, and then what has come doubles it.
                var piece = Math.Min(left, PieceBytes);
                if (!body.Buffer.TryMakeRoom(piece)) break;
                silence.CancelAfter(MaxSilence);
                left -= await FillAsync(body.Buffer, piece, cancellation).ConfigureAwait(false);
            }

            if (left > 0) await PassOverAsync(left, cancellation).ConfigureAwait(false);
            silence.CancelAfter(Timeout.InfiniteTimeSpan);
            return left == 0;
        }

        private async ValueTask PassOverAsync(int left, CancellationToken cancellation)
        {
            var unread = new byte[Math.Min(left, 16 * 1024)];
            while (left > 0)
            {
                silence.CancelAfter(MaxSilence);
                await stream.ReadExactlyAsync(unread.AsMemory(0, Math.Min(left, unread.Length)), cancellation).ConfigureAwait(false);
                left -= Math.Min(left, unread.Length);
            }
        }

        private async ValueTask<int> FillAsync(NativeBuffer buffer, int piece, CancellationToken cancellation)
        {
            var read = await stream.ReadAsync(_memory.FreeOf(buffer, piece), cancellation).ConfigureAwait(false);
            if (read == 0) throw new IOException("the stream ends within a frame");
            buffer.Advance(read);
            return read;
        }
    }
}
