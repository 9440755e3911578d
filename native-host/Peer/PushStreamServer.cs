using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
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

    public async Task ServeAsync(HttpContext context)
    {
        context.Response.ContentType = PeerProtocol.ContentType;
        await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, ring.Ending);
        using var places = new SemaphoreSlim(MaxBatches);
        using var turn = new SemaphoreSlim(1);
        try
        {
            while (await ReadHeaderAsync(context.Request.BodyReader, end.Token).ConfigureAwait(false) is { } header)
            {
                if (header.Bytes > MaxFrameBytes) throw new PeerException($"a frame of {header.Bytes} bytes; the limit is {MaxFrameBytes}");
                await places.WaitAsync(end.Token).ConfigureAwait(false);
                var body = memory.Rent();
                bool fits;
                try
                {
                    fits = await ReadBodyAsync(context.Request.BodyReader, body, (int)header.Bytes, end.Token).ConfigureAwait(false);
                }
                catch
                {
                    body.Dispose();
                    places.Release();
                    throw;
                }

                _ = StoreAsync(context, header.Number, body, fits, places, turn);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The other node goes, or this one.
        }
        finally
        {
            // What was read is answered.
            for (var i = 0; i < MaxBatches; i++) await places.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    private static async ValueTask<(uint Number, uint Bytes)?> ReadHeaderAsync(PipeReader reader, CancellationToken cancellation)
    {
        var result = await reader.ReadAtLeastAsync(PeerProtocol.FrameHeaderBytes, cancellation).ConfigureAwait(false);
        if (result.Buffer.Length < PeerProtocol.FrameHeaderBytes) return null;
        var header = Header(result.Buffer);
        reader.AdvanceTo(result.Buffer.GetPosition(PeerProtocol.FrameHeaderBytes));
        return header;

        static (uint Number, uint Bytes) Header(ReadOnlySequence<byte> buffer)
        {
            Span<byte> bytes = stackalloc byte[PeerProtocol.FrameHeaderBytes];
            buffer.Slice(0, PeerProtocol.FrameHeaderBytes).CopyTo(bytes);
            return PeerProtocol.ReadFrameHeader(bytes);
        }
    }

    // False if there was no room for it; it was read all the same, so that the next frame is found.
    private static async ValueTask<bool> ReadBodyAsync(PipeReader reader, RequestBody body, int length, CancellationToken cancellation)
    {
        var fits = true;
        for (var left = length; left > 0;)
        {
            var result = await reader.ReadAsync(cancellation).ConfigureAwait(false);
            var part = result.Buffer.Slice(0, Math.Min(left, result.Buffer.Length));
            foreach (var segment in part) fits = fits && body.TryAppend(segment.Span);
            left -= (int)part.Length;
            reader.AdvanceTo(part.End);
            if (result.IsCompleted && left > 0) throw new IOException("the stream ends within a frame");
        }

        return fits;
    }

    // Ends in no exception: what fails is answered with nothing, or there is nobody to answer.
    private async Task StoreAsync(HttpContext context, uint number, RequestBody body, bool fits, SemaphoreSlim places, SemaphoreSlim turn)
    {
        var started = time.GetTimestamp();
        var isAnswered = false;
        try
        {
            using var answer = new NativeBuffer(256);
            answer.GetSpan(PeerProtocol.FrameHeaderBytes)[..PeerProtocol.FrameHeaderBytes].Clear();
            answer.Advance(PeerProtocol.FrameHeaderBytes);
            using (body)
                if (fits) await _intake.StoreAsync(body.Buffer, answer).ConfigureAwait(false);
            await turn.WaitAsync(context.RequestAborted).ConfigureAwait(false);
            try
            {
                Write(context.Response.BodyWriter, number, answer);
                await context.Response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
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

    private static void Write(PipeWriter writer, uint number, NativeBuffer answer)
    {
        var span = writer.GetSpan(answer.Length);
        answer.Written.CopyTo(span);
        PeerProtocol.WriteFrameHeader(span, number, answer.Length - PeerProtocol.FrameHeaderBytes);
        writer.Advance(answer.Length);
    }
}
