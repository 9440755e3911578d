using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol.Conformance;

/// <summary>What an export was answered, whatever it came by: codes are those of gRPC.</summary>
/// <param name="Code">0 for success.</param>
/// <param name="HasPartialSuccess">partial_success is set.</param>
/// <param name="RetryAfter">Seconds; null if the sender is not told to try again.</param>
internal sealed record OtlpReply(
    int Code, int HttpStatus, bool HasPartialSuccess, long RejectedSpans, string Message, double? RetryAfter, string ContentType,
    int Length);

/// <summary>One way to send OTLP: grpc, or protobuf or json over HTTP/1.1 or HTTP/2.</summary>
internal sealed class OtlpWire(string name, TempoProcess tempo) : IDisposable
{
    private readonly GrpcClient _grpc = new(tempo.OtlpGrpcUrl);
    private readonly OtlpHttpClient _http = new(tempo.OtlpHttpUrl);

    /// <summary>Every protocol, encoding and HTTP version.</summary>
    public static readonly TheoryData<string> All = ["grpc", "protobuf-1.1", "protobuf-2", "json-1.1", "json-2"];

    /// <summary>Those over HTTP.</summary>
    public static readonly TheoryData<string> Http = ["protobuf-1.1", "protobuf-2", "json-1.1", "json-2"];

    public bool IsGrpc => name == "grpc";

    public bool IsJson => name.StartsWith("json", StringComparison.Ordinal);

    public string ContentType => IsJson ? OtlpHttpClient.Json : OtlpHttpClient.Protobuf;

    public Version Version => name.EndsWith("-2", StringComparison.Ordinal) ? HttpVersion.Version20 : HttpVersion.Version11;

    public Task<OtlpReply> SendAsync(params SpanFacts[] spans) => SendAsync(Encode(spans));

    public byte[] Encode(SpanFacts[] spans) => IsJson ? Encoding.UTF8.GetBytes(ExportJson.Encode(spans)) : ExportRequest.Encode(spans);

    /// <summary>Bytes in the way's own encoding.</summary>
    public async Task<OtlpReply> SendAsync(byte[] body, bool isGzip = false, string? encoding = null)
    {
        if (IsGrpc)
        {
            var grpc = isGzip
                ? await _grpc.ExportGzipAsync(GrpcClient.Gzip(body))
                : await _grpc.CallAsync(GrpcClient.Frame(body, encoding is null ? (byte)0 : (byte)1), encoding: encoding);
            var export = grpc.Status == 0 ? grpc.Export() : new ExportAnswer(false, 0, "");
            return new OtlpReply(
                grpc.Status, grpc.HttpStatus, export.HasPartialSuccess, export.RejectedSpans, grpc.Message + export.ErrorMessage,
                grpc.Details?.Details.Contains(RpcStatus.RetryInfo) == true ? 1 : null, "application/grpc",
                grpc.Messages.Sum(static m => m.Length));
        }

        var answer =
            await _http.SendAsync(HttpMethod.Post, isGzip ? GrpcClient.Gzip(body) : body, ContentType, isGzip ? "gzip" : encoding, Version);
        return Read(answer);
    }

    public Task<HttpAnswer> RawAsync(HttpMethod method, byte[] body, string? contentType, string? path = null) =>
        _http.SendAsync(method, body, contentType, version: Version,
            atUrl: path is null ? null : tempo.OtlpHttpUrl.Replace("/v1/traces", path, StringComparison.Ordinal));

    public static byte[] Zlib(byte[] plain)
    {
        var compressed = new MemoryStream();
        using (var stream = new ZLibStream(compressed, CompressionLevel.Fastest)) stream.Write(plain);
        return compressed.ToArray();
    }

    public void Dispose()
    {
        _grpc.Dispose();
        _http.Dispose();
    }

    private OtlpReply Read(HttpAnswer answer)
    {
        double? retry =
            answer.Headers.TryGetValue("Retry-After", out var seconds) ? double.Parse(seconds, CultureInfo.InvariantCulture) : null;
        var (code, partial, rejected, message) = answer.Status == 200 ? ReadExport(answer) : ReadStatus(answer);
        return new OtlpReply(code, answer.Status, partial, rejected, message, retry, answer.ContentType, answer.Body.Length);
    }

    private (int, bool, long, string) ReadExport(HttpAnswer answer)
    {
        if (!IsJson)
        {
            var export = ExportAnswer.Parse(answer.Body);
            return (0, export.HasPartialSuccess, export.RejectedSpans, export.ErrorMessage);
        }

        using var json = JsonDocument.Parse(answer.Body);
        if (!json.RootElement.TryGetProperty("partialSuccess", out var partial)) return (0, false, 0, "");
        var rejected =
            partial.TryGetProperty("rejectedSpans", out var count) ? long.Parse(count.GetString()!, CultureInfo.InvariantCulture) : 0;
        return (0, true, rejected, partial.TryGetProperty("errorMessage", out var text) ? text.GetString()! : "");
    }

    // The body of an error must be a google.rpc.Status in the encoding of the request: anything else fails here.
    private (int, bool, long, string) ReadStatus(HttpAnswer answer)
    {
        Assert.Equal(ContentType, answer.ContentType);
        if (!IsJson)
        {
            var status = new RpcStatus(new ProtobufFields(answer.Body));
            return (status.Code, false, 0, status.Message);
        }

        using var json = JsonDocument.Parse(answer.Body);
        return (json.RootElement.GetProperty("code").GetInt32(), false, 0, json.RootElement.GetProperty("message").GetString()!);
    }
}
