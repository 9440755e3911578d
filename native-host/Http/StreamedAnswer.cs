using System.Buffers;
using System.IO.Compression;
using Microsoft.AspNetCore.Http;

namespace Tempo.Host.Http;

/// <summary>
/// An answer of unknown length, sent while it is written: nothing until the first flush that is worth one, so that a short
/// answer has its length and can still become an error. Not thread safe.
/// </summary>
internal sealed class StreamedAnswer(HttpContext context, string contentType) : IAsyncDisposable
{
    /// <summary>Held back until then: enough for most answers to be sent in one go, and little to hold for each client.</summary>
    private const int FlushBytes = 1 << 20;

    private readonly AnswerBuffer _buffer = new();
    private GZipStream? _gzip;

    /// <summary>Where the answer is written.</summary>
    public IBufferWriter<byte> Output => _buffer;

    /// <summary>Something was sent: the answer cannot become an error any more.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>Bytes that have not been sent.</summary>
    public long BufferedBytes => _buffer.Length;

    /// <summary>Sends what there is, if it is much; returns when the client has taken enough of it.</summary>
    public async ValueTask FlushAsync()
    {
        if (_buffer.Length >= FlushBytes) await SendAsync().ConfigureAwait(false);
    }

    /// <summary>The answer is whole.</summary>
    public async ValueTask CompleteAsync()
    {
        if (!HasStarted)
        {
            await QueryAnswer.WriteAsync(context, contentType, _buffer).ConfigureAwait(false);
            return;
        }

        await SendAsync().ConfigureAwait(false);
        if (_gzip is not null) await _gzip.DisposeAsync().ConfigureAwait(false);
        _gzip = null;
    }

    /// <summary>An answer that was not completed is broken off, which the server does when the request throws.</summary>
    public ValueTask DisposeAsync()
    {
        _buffer.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask SendAsync()
    {
        var response = context.Response;
        if (!HasStarted)
        {
            HasStarted = true;
            response.ContentType = contentType;
            response.Headers.Vary = "Accept-Encoding";
            if (QueryAnswer.TakesGzip(context.Request))
            {
                response.Headers.ContentEncoding = "gzip";
                _gzip = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
            }
        }

        await _buffer.CopyToAsync(_gzip ?? response.Body, context.RequestAborted).ConfigureAwait(false);
        _buffer.Clear();
    }
}
