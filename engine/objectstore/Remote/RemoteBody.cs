using System.Globalization;
using System.Net;

namespace Tempo.Engine.ObjectStore;

/// <summary>What the HTTP answers of all object services have in common.</summary>
internal static class RemoteBody
{
    /// <summary>
    /// Size of the object and count of the body's bytes from <c>Content-Range: bytes 0-9/100</c> and <c>Content-Length</c>.
    /// Throws <see cref="IOException"/> if they are not those of what was asked for.
    /// </summary>
    public static (long ObjectSizeBytes, int Count) Announced(string? contentRange, long? contentLength, long offset, int asked)
    {
        var slash = contentRange?.LastIndexOf('/') ?? -1;
        if (slash < 0 || !long.TryParse(contentRange.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var size))
        {
            // The whole object, because it is what was asked for or because the service does not know ranges.
            if (contentLength is { } whole && offset == 0 && whole <= asked) return (whole, (int)whole);
            throw new IOException($"the answer to a read of a range has no usable Content-Range: '{contentRange}'");
        }

        var count = (int)Math.Min(asked, size - offset);
        if (count < 0 || (contentLength is { } length && length != count))
            throw new IOException($"{contentLength} bytes were answered where {count} belong (Content-Range '{contentRange}')");
        return (size, count);
    }

    /// <summary>Fills the memory, one piece after the other. Throws <see cref="IOException"/> if the body ends before.</summary>
    public static async Task ReadAsync(Stream body, IEnumerable<Memory<byte>> destination, CancellationToken cancellation)
    {
        foreach (var piece in destination)
        {
            var count = await body.ReadAtLeastAsync(piece, piece.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            if (count < piece.Length)
                throw new IOException($"the body ended {piece.Length - count} bytes before {piece.Length} of it were read");
        }
    }

    /// <summary>What a status means, where the service's own code does not say it better.</summary>
    public static RemoteFault Classify(HttpStatusCode status) => (int)status switch
    {
        404 => RemoteFault.NotFound,
        409 or 412 => RemoteFault.Exists,
        416 => RemoteFault.OutOfRange,
        401 or 403 => RemoteFault.Denied,
        429 or 503 => RemoteFault.Throttled,
        408 or >= 500 => RemoteFault.Transient,
        _ => RemoteFault.Refused,
    };
}
