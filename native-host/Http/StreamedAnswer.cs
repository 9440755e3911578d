using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
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
    private PipeWriter? _direct;
    private GZipStream? _gzip;

    /// <summary>Where the answer is written; another place after <see cref="StartAsync"/>.</summary>
    public IBufferWriter<byte> Output => _direct is null ? _buffer : _direct;

    /// <summary>Something was sent: the answer cannot become an error any more.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>
    /// The answer is large and will not become an error: from now on it is written to where it is sent from, if it is not compressed. For
    /// what is written in large pieces: each costs a look at the connection (10,000 spans as JSON, token by token: 13 ms more).
    /// </summary>
    public async ValueTask StartAsync()
    {
        Begin();
        if (_gzip is not null) return;
        await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
        _direct = context.Response.BodyWriter;
        _buffer.CopyTo(_direct);
        _buffer.Dispose();
    }

    /// <summary>Sends what there is, if it is much; returns when the client has taken enough of it.</summary>
    public async ValueTask FlushAsync()
    {
        if (_direct is not null || _buffer.Length >= FlushBytes) await SendAsync().ConfigureAwait(false);
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
        if (_direct is not null)
        {
            await _direct.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            return;
        }

        Begin();
        if (_gzip is null) await _buffer.SendToAsync(context.Response.BodyWriter, context.RequestAborted).ConfigureAwait(false);
        else await _buffer.CopyToAsync(_gzip, context.RequestAborted).ConfigureAwait(false);
        _buffer.Clear();
    }

    private void Begin()
    {
        if (HasStarted) return;
        HasStarted = true;
        var response = context.Response;
        response.ContentType = contentType;
        response.Headers.Vary = "Accept-Encoding";
        if (!QueryAnswer.TakesGzip(context.Request)) return;
        response.Headers.ContentEncoding = "gzip";
        _gzip = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
    }
}
