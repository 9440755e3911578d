using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;

namespace Tempo.SystemTests.Otlp;

/// <summary>What came back from a unary call: HTTP status, the messages, and the trailers.</summary>
internal sealed record GrpcAnswer(
    int HttpStatus, int Status, string Message, RpcStatus? Details, IReadOnlyList<byte[]> Messages, string AcceptEncoding, string Warning)
{
    public const int Ok = 0, InvalidArgument = 3, ResourceExhausted = 8, Unimplemented = 12, Internal = 13, Unavailable = 14,
        Unauthenticated = 16;

    public ExportAnswer Export() => ExportAnswer.Parse(Assert.Single(Messages));
}

/// <summary>gRPC over HttpClient's HTTP/2, frame by frame, so that a test can also send wrong ones.
/// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md</summary>
internal sealed class GrpcClient(string address, SocketsHttpHandler? handler = null) : IDisposable
{
    public const string ExportPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

    private readonly HttpClient _http = new(handler ?? new SocketsHttpHandler()) { Timeout = TimeSpan.FromSeconds(30) };

    public Task<GrpcAnswer> ExportAsync(byte[] message) => CallAsync(Frame(message));

    public Task<GrpcAnswer> ExportGzipAsync(byte[] compressed) => CallAsync(Frame(compressed, flag: 1), encoding: "gzip");

    public async Task<GrpcAnswer> CallAsync(
        byte[] frames, string path = ExportPath, string? encoding = null, string contentType = "application/grpc", string? tenant = null,
        string? timeout = null)
    {
        using var content = new ByteArrayContent(frames);
        content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        using var request = new HttpRequestMessage(HttpMethod.Post, address + path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        if (encoding is not null) request.Headers.Add("grpc-encoding", encoding);
        if (tenant is not null) request.Headers.Add("x-scope-orgid", tenant);
        if (timeout is not null) request.Headers.Add("grpc-timeout", timeout);
        using var response = await _http.SendAsync(request);
        return await ReadAsync(response);
    }

    /// <summary>The 5-byte prefix (compressed flag, big-endian length) and the message.</summary>
    public static byte[] Frame(byte[] message, byte flag = 0, int? claimedLength = null)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), claimedLength ?? message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    public static byte[] Gzip(byte[] plain)
    {
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest)) gzip.Write(plain);
        return compressed.ToArray();
    }

    public void Dispose() => _http.Dispose();

    private static async Task<GrpcAnswer> ReadAsync(HttpResponseMessage response)
    {
        var body = await response.Content.ReadAsByteArrayAsync();
        // In a trailers-only answer the status is among the headers.
        string? Trailer(string name) =>
            response.TrailingHeaders.TryGetValues(name, out var values) || response.Headers.TryGetValues(name, out values)
                ? values.Single()
                : null;

        var status = Trailer("grpc-status") is { } code ? int.Parse(code, CultureInfo.InvariantCulture) : -1;
        var details =
            Trailer("grpc-status-details-bin") is { } base64 ? new RpcStatus(new ProtobufFields(FromUnpaddedBase64(base64))) : null;
        return new GrpcAnswer((int)response.StatusCode, status, Uri.UnescapeDataString(Trailer("grpc-message") ?? ""), details,
            Unframe(body), Trailer("grpc-accept-encoding") ?? "", Trailer("warning") ?? "");
    }

    private static List<byte[]> Unframe(byte[] body)
    {
        var messages = new List<byte[]>();
        for (var at = 0; at < body.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(at + 1));
            messages.Add(body[(at + 5)..(at + 5 + length)]);
            at += 5 + length;
        }

        return messages;
    }

    private static byte[] FromUnpaddedBase64(string text) => Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
}
