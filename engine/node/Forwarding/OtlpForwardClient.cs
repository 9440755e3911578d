using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Forwarding;

/// <summary>Sends requests to one OTLP/gRPC server. Thread safe.</summary>
internal sealed class OtlpForwardClient : IDisposable
{
    private const string Export = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
    private const int PrefixBytes = 5; // uncompressed, and the length: gRPC's frame of one message
    private const int Cancelled = 1, Unknown = 2, DeadlineExceeded = 4, ResourceExhausted = 8, Unavailable = 14, DataLoss = 15;
    private const int MaxAnswerBytes = 64 * 1024; // what is said of partial success; a peer may not fill our memory

    private readonly HttpClient _http;
    private readonly Uri _url;

    public OtlpForwardClient(ForwarderOptions options, string endpoint)
    {
        _url = new Uri($"{(options.IsInsecure ? "http" : "https")}://{endpoint}/{Export}");
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), // so that a name is looked up again
            AllowAutoRedirect = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
        };
        if (!options.IsInsecure && options.CertFile.Length > 0) handler.SslOptions = TrustOnly(options.CertFile);
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = MaxAnswerBytes };
    }

    /// <summary>Empty if it was taken; else why not, and whether another attempt may help.</summary>
    public async Task<(string Error, bool IsTransient)> SendAsync(
        TenantId tenant, ReadOnlyMemory<byte> otlp, CancellationToken cancellation)
    {
        var frame = new byte[PrefixBytes + otlp.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), otlp.Length);
        otlp.CopyTo(frame.AsMemory(PrefixBytes));
        using var request = new HttpRequestMessage(HttpMethod.Post, _url)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Headers.Add("x-scope-orgid", tenant.Value);
        try
        {
            using var response = await _http.SendAsync(request, cancellation).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK) return ($"HTTP {(int)response.StatusCode}", (int)response.StatusCode >= 500);
            var (code, message) = StatusOf(response);
            return code == 0
                ? ("", false)
                : (string.Create(CultureInfo.InvariantCulture, $"gRPC status {code}: {message}"),
                    code is Cancelled or Unknown or DeadlineExceeded or ResourceExhausted or Unavailable or DataLoss);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (e.GetBaseException().Message, true); // the others say that something went wrong
        }
    }

    public void Dispose() => _http.Dispose();

    // An answer that failed at once has the trailers among its headers.
    private static (int Code, string Message) StatusOf(HttpResponseMessage response)
    {
        if (!response.TrailingHeaders.TryGetValues("grpc-status", out var codes)
            && !response.Headers.TryGetValues("grpc-status", out codes))
            return (Unknown, "no status");
        var isNumber = int.TryParse(codes.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var code);
        return (isNumber
            ? code
            : Unknown, response.TrailingHeaders.TryGetValues("grpc-message", out var texts)
                || response.Headers.TryGetValues("grpc-message", out texts) ? Uri.UnescapeDataString(texts.First()) : "");
    }

    private static SslClientAuthenticationOptions TrustOnly(string certFile)
    {
        try
        {
            return new SslClientAuthenticationOptions { CertificateChainPolicy = TrustedRoots.PolicyOf(certFile) };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new NodeStartException($"distributor.forwarders: cert_file {certFile}: {e.Message}", e);
        }
    }
}
