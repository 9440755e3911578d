using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tempo.Engine.Foundation;
using Tempo.Host.Receivers;

namespace Tempo.Host.Grpc;

/// <summary>
/// One gRPC call over an HTTP/2 request: messages in, messages out, a status at the end. A unary method reads one message
/// and writes one; a streaming method does either as often as it likes. Not thread safe.
/// </summary>
public sealed class GrpcCall
{
    /// <summary>What <c>grpc-encoding</c> may name.</summary>
    public const string AcceptedEncodings = "identity,gzip,zstd,snappy,deflate";

    private readonly HttpContext _context;
    private readonly RequestMemory _memory;
    private readonly string? _encoding;
    private readonly int _maxSendBytes;
    private readonly TimeProvider _time;

    internal GrpcCall(
        HttpContext context, RequestMemory memory, string? encoding, int maxSendBytes, TimeProvider time, CancellationToken cancellation)
    {
        _context = context;
        _memory = memory;
        _encoding = encoding;
        _maxSendBytes = maxSendBytes;
        _time = time;
        Cancellation = cancellation;
    }

    /// <summary>The metadata of the call.</summary>
    public IHeaderDictionary Headers => _context.Request.Headers;

    /// <summary>Cancelled when the deadline has passed or the client went away.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Metadata to send behind the last message, beside the status.</summary>
    public Dictionary<string, string> Trailers { get; } = [];

    /// <summary>Rents a body to read a message into; the caller disposes it.</summary>
    public RequestBody RentBody() => _memory.Rent();

    /// <summary>The same for what a message that was read is transcoded to.</summary>
    public RequestBody RentBeside(RequestBody message) => _memory.RentBeside(message);

    /// <summary>
    /// Reads the only message of a unary call, decompressed, into <paramref name="body"/>. Ok, or the status to end the
    /// call with: none or a second message, a broken frame, too large, no memory.
    /// </summary>
    public async ValueTask<GrpcStatus> ReadSingleAsync(RequestBody body, int maxMessageBytes)
    {
        var (status, found) = await ReadMessageAsync(body, maxMessageBytes).ConfigureAwait(false);
        if (!status.IsOk) return status;
        if (!found) return new GrpcStatus(GrpcStatusCode.Internal, "cardinality violation: no request message for a unary call");
        var rest = await _context.Request.BodyReader.ReadAsync(Cancellation).ConfigureAwait(false);
        var more = !rest.Buffer.IsEmpty;
        _context.Request.BodyReader.AdvanceTo(rest.Buffer.End);
        return more
            ? new GrpcStatus(GrpcStatusCode.Internal, "cardinality violation: bytes behind the only message of a unary call")
            : GrpcStatus.Ok;
    }

    /// <summary>
    /// Reads the next message, decompressed, into <paramref name="body"/>, which is empty. Found is false at the end of the
    /// client's stream.
    /// </summary>
    public async ValueTask<(GrpcStatus Status, bool Found)> ReadMessageAsync(RequestBody body, int maxMessageBytes)
    {
        var reader = _context.Request.BodyReader;
        GrpcFrame frame;
        while (true)
        {
            var result = await reader.ReadAsync(Cancellation).ConfigureAwait(false);
            if (GrpcFrame.TryRead(result.Buffer, out frame))
            {
                reader.AdvanceTo(result.Buffer.GetPosition(GrpcFrame.HeaderSizeBytes));
                break;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (result.IsCompleted) return (result.Buffer.IsEmpty ? GrpcStatus.Ok : EndsEarly(), false);
        }

        if (frame.Check(_encoding is not null, maxMessageBytes) is { } bad) return (bad, false);
        if (!frame.IsCompressed) return (await ReadContentAsync(reader, body, (int)frame.LengthBytes).ConfigureAwait(false), true);
        using var compressed = _memory.RentBeside(body);
        var status = await ReadContentAsync(reader, compressed, (int)frame.LengthBytes).ConfigureAwait(false);
        if (!status.IsOk) return (status, true);
        var done = await BodyDecompressor.DecompressAsync(_encoding!, compressed, body, maxMessageBytes, _memory, Cancellation)
            .ConfigureAwait(false);
        return (Decompressed(done, body, maxMessageBytes), true);
    }

    /// <summary>Writes one uncompressed message. The transport takes a copy.</summary>
    /// <exception cref="GrpcException">It is larger than may be sent.</exception>
    public void WriteMessage(ReadOnlySpan<byte> message)
    {
        if (message.Length > _maxSendBytes)
        {
            throw new GrpcException(new GrpcStatus(
                GrpcStatusCode.ResourceExhausted, $"grpc: trying to send message larger than max ({message.Length} vs. {_maxSendBytes})"));
        }

        StartResponse();
        var output = _context.Response.BodyWriter;
        GrpcFrame.WriteHeader(output.GetSpan(GrpcFrame.HeaderSizeBytes), message.Length);
        output.Advance(GrpcFrame.HeaderSizeBytes);
        output.Write(message);
    }

    /// <summary>Sends what was written so far: once a message for a streaming method.</summary>
    public async ValueTask FlushAsync() => await _context.Response.BodyWriter.FlushAsync(Cancellation).ConfigureAwait(false);

    /// <summary>Ends the call: the status goes into the trailers, or into the only headers if no message was written.</summary>
    internal void Finish(in GrpcStatus status)
    {
        var hasMessages = _context.Response.HasStarted || _context.Response.ContentType is not null;
        StartResponse();
        var headers =
            hasMessages ? _context.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers : _context.Response.Headers;
        WriteStatus(headers, status);
        foreach (var (name, value) in Trailers) headers[name] = value;
    }

    /// <summary>Ends a call of which nothing was read.</summary>
    internal static void Refuse(HttpResponse response, in GrpcStatus status)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "application/grpc";
        WriteStatus(response.Headers, status);
    }

    private void StartResponse()
    {
        if (_context.Response.HasStarted || _context.Response.ContentType is not null) return;
        _context.Response.StatusCode = StatusCodes.Status200OK;
        _context.Response.ContentType = "application/grpc";
    }

    private static void WriteStatus(IHeaderDictionary headers, in GrpcStatus status)
    {
        headers["grpc-status"] = ((int)status.Code).ToString(CultureInfo.InvariantCulture);
        if (status.Message.Length > 0) headers["grpc-message"] = GrpcText.Encode(status.Message);
        if (status.Code == GrpcStatusCode.Unimplemented) headers["grpc-accept-encoding"] = AcceptedEncodings;
        if (!GrpcStatusDetails.HasDetails(status)) return;
        using var details = new NativeBuffer();
        GrpcStatusDetails.Write(status, details);
        headers["grpc-status-details-bin"] = Convert.ToBase64String(details.Written).TrimEnd('=');
    }

    private async ValueTask<GrpcStatus> ReadContentAsync(PipeReader reader, RequestBody body, int lengthBytes)
    {
        var started = _time.GetTimestamp();
        while (body.Buffer.Length < lengthBytes)
        {
            var result = await BodyPace.ReadAsync(reader, _time, started, body.Buffer.Length, Cancellation).ConfigureAwait(false);
            if (result.IsCanceled) return TooSlow(body.Buffer.Length, lengthBytes);
            var content = result.Buffer;
            var missing = lengthBytes - body.Buffer.Length;
            if (content.Length > missing) content = content.Slice(0, missing);
            foreach (var segment in content)
            {
                if (!body.TryAppend(segment.Span)) return body.Refusal;
            }

            reader.AdvanceTo(content.End);
            if (result.IsCompleted && body.Buffer.Length < lengthBytes) return EndsEarly();
        }

        return GrpcStatus.Ok;
    }

    private static GrpcStatus TooSlow(int receivedBytes, int lengthBytes) => new(
        GrpcStatusCode.Cancelled, $"grpc: the message came too slowly: {receivedBytes} of {lengthBytes} bytes; {BodyPace.Rule}");

    private GrpcStatus Decompressed(BodyStatus status, RequestBody body, int maxMessageBytes) => status switch
    {
        BodyStatus.Complete => GrpcStatus.Ok,
        BodyStatus.TooLarge => new GrpcStatus(
            GrpcStatusCode.ResourceExhausted, $"grpc: received message after decompression larger than max {maxMessageBytes}"),
        BodyStatus.Overloaded => body.Refusal,
        BodyStatus.UnknownEncoding => GrpcServer.UnknownEncoding(_encoding!),
        _ => new GrpcStatus(GrpcStatusCode.InvalidArgument, $"grpc: failed to decompress the received message as {_encoding}"),
    };

    private static GrpcStatus EndsEarly() => new(GrpcStatusCode.Internal, "grpc: the request ends within a message");
}
