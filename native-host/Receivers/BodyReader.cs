using System.IO.Pipelines;

namespace Tempo.Host.Receivers;

/// <summary>What became of reading a body.</summary>
public enum BodyStatus
{
    Complete,

    /// <summary>Over the receiver's limit (on the wire, or after decompression).</summary>
    TooLarge,

    /// <summary>The account of bytes in flight is full.</summary>
    Overloaded,

    /// <summary>Slower than <see cref="BodyPace"/>.</summary>
    TooSlow,

    /// <summary>The content encoding is not one of ours.</summary>
    UnknownEncoding,

    /// <summary>The content does not decompress, or ends early.</summary>
    BadEncoding,
}

/// <summary>Copies a request body from the transport's memory into native memory, piece by piece, as it comes.</summary>
public static class BodyReader
{
    /// <summary>Reads to the end, or to one byte over the limit, at <see cref="BodyPace"/>.</summary>
    public static async ValueTask<BodyStatus> ReadAsync(
        PipeReader reader, RequestBody body, int maxBytes, TimeProvider time, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var result = await BodyPace.ReadAsync(reader, time, started, body.Buffer.Length, cancellation).ConfigureAwait(false);
            if (result.IsCanceled) return BodyStatus.TooSlow;
            foreach (var segment in result.Buffer)
            {
                if (segment.Length > maxBytes - body.Buffer.Length) return BodyStatus.TooLarge;
                if (body.TryAppend(segment.Span)) continue;

                // The server reads the rest of the body, and so the connection lives on; if this read were left open, it would end it.
                reader.AdvanceTo(result.Buffer.End);
                return BodyStatus.Overloaded;
            }

            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted) return BodyStatus.Complete;
        }
    }
}
