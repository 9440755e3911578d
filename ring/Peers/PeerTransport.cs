using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>How nodes talk to each other.</summary>
public sealed record PeerOptions
{
    /// <summary>Proves that a node belongs to the ring; the same on all. Empty: none is asked for.</summary>
    public string Secret { get; init; } = "";

    /// <summary>TLS to the other nodes' gRPC port.</summary>
    public bool IsTls { get; init; }

    /// <summary>PEM files: whom to trust (empty: whom the machine trusts), and this node's own certificate and key for mTLS.</summary>
    public string CaPath { get; init; } = "";

    public string CertPath { get; init; } = "";

    public string KeyPath { get; init; } = "";

    /// <summary>The name in the other nodes' certificates, where it is not their address.</summary>
    public string ServerName { get; init; } = "";

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an owner may take to store what it is given.</summary>
    public TimeSpan PushTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node may take to answer a part of a query.</summary>
    public TimeSpan QueryTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between two looks at whether a node is there, and how long it may take to say so.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest answer of a node that is taken: a member that has gone wrong may not fill our memory.</summary>
    public int MaxAnswerBytes { get; init; } = 512 << 20;
}

/// <summary>
/// HTTP/2 to the other nodes, with pooled connections, and connections of their own for pushes. Throws <see cref="PeerException"/> for what
/// goes wrong. Thread safe.
/// </summary>
/// <param name="options">How.</param>
/// <param name="greeting">Who asks; goes with every ping.</param>
public sealed class PeerTransport(PeerOptions options, Func<PeerGreeting> greeting) : IPeerTransport
{
    private const int WindowBytes = 8 << 20;
    private readonly HttpClient _http = new(HandlerOf(options)) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly string _scheme = options.IsTls ? "https" : "http";
    private readonly string _secret = options.Secret;

    public void Dispose() => _http.Dispose();

    private static SocketsHttpHandler HandlerOf(PeerOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = options.ConnectTimeout,
            EnableMultipleHttp2Connections = true,
            InitialHttp2StreamWindowSize = WindowBytes,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
            AllowAutoRedirect = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            ConnectCallback = ConnectAsync,
        };
        if (options.IsTls) handler.SslOptions = TlsOf(options);
        return handler;
    }

    private static ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation) =>
        ConnectAsync(context.DnsEndPoint, cancellation);

    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint endPoint, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            PeerSocket.KeepAlive(socket);
            await socket.ConnectAsync(endPoint, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IPushWay OpenPush(string name, string address) => new PushWay(this, name, address);

    /// <summary>A connection for pushes. Throws what sockets and TLS throw; an <see cref="IOException"/> if it takes too long.</summary>
    internal async Task<Stream> ConnectAsync(string address, CancellationToken cancellation)
    {
        var host = new Uri($"{_scheme}://{address}");
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(options.ConnectTimeout);
        Stream? stream = null;
        try
        {
            stream = await ConnectAsync(new DnsEndPoint(host.DnsSafeHost, host.Port), late.Token).ConfigureAwait(false);
            if (!options.IsTls) return stream;
            var secure = new SslStream(stream);
            stream = secure;
            var tls = TlsOf(options);
            tls.TargetHost = options.ServerName.Length > 0 ? options.ServerName : host.DnsSafeHost;
            await secure.AuthenticateAsClientAsync(tls, late.Token).ConfigureAwait(false);
            return secure;
        }
        catch (Exception e)
        {
            if (stream is not null) await stream.DisposeAsync().ConfigureAwait(false);
            if (e is OperationCanceledException && !cancellation.IsCancellationRequested)
                throw new IOException($"no connection in {options.ConnectTimeout.TotalSeconds:0.#} s", e);
            throw;
        }
    }

    /// <summary>The head of a push, up to its length.</summary>
    internal byte[] PushHeadOf(string address)
    {
        var host = options is { IsTls: true, ServerName.Length: > 0 } ? options.ServerName : address;
        var secret = _secret.Length > 0 ? $"{PeerProtocol.SecretHeader}: {_secret}\r\n" : "";
        return System.Text.Encoding.UTF8.GetBytes(
            $"POST {PeerProtocol.Push} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {PeerProtocol.ContentType}\r\n{secret}Content-Length: ");
    }

    /// <inheritdoc/>
    public async ValueTask AskAsync(
        string name, string address, string path, ReadOnlyMemory<byte>? body, NativeBuffer answer, CancellationToken cancellation)
    {
        using var request = RequestOf(body is null ? HttpMethod.Get : HttpMethod.Post, address, path);
        if (body is { } bytes)
        {
            if (Activity.Current?.Id is { } span) request.Headers.TryAddWithoutValidation("traceparent", span);
            request.Content = new ReadOnlyMemoryContent(bytes);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(PeerProtocol.ContentType);
        }
        else
        {
            request.Headers.TryAddWithoutValidation(PeerProtocol.GreetingHeader, greeting().ToString());
        }

        try
        {
            using var response =
                await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false)) await ReadAsync(name, stream, answer, cancellation).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
                throw new PeerException($"{name} at {address} answered {path} with {(int)response.StatusCode}: {TextOf(answer)}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // Of TLS only the innermost says what is wrong.
            var why = e.GetBaseException() is var inner && inner != e ? $"{e.Message} {inner.Message}" : e.Message;
            throw new PeerException($"{name} at {address} does not answer: {why}", e);
        }
    }

    // With what says that it is of the ring.
    private HttpRequestMessage RequestOf(HttpMethod method, string address, string path)
    {
        var request = new HttpRequestMessage(method,
            $"{_scheme}://{address}{path}")
        { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        // The handler asks the certificate for the name of the request's host, whatever its options for TLS say.
        if (options is { IsTls: true, ServerName.Length: > 0 }) request.Headers.Host = options.ServerName;
        if (_secret.Length > 0) request.Headers.TryAddWithoutValidation(PeerProtocol.SecretHeader, _secret);
        return request;
    }

    private async Task ReadAsync(string name, Stream stream, NativeBuffer answer, CancellationToken cancellation)
    {
        var chunk = System.Buffers.ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            while (await stream.ReadAsync(chunk, cancellation).ConfigureAwait(false) is > 0 and var count)
            {
                if (count > options.MaxAnswerBytes - answer.Length)
                    throw new PeerException($"{name} sent more than {options.MaxAnswerBytes} bytes at once");
                answer.Append(chunk.AsSpan(0, count));
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private static string TextOf(NativeBuffer answer) =>
        System.Text.Encoding.UTF8.GetString(answer.Written[..Math.Min(answer.Length, 300)]).TrimEnd();

    private static SslClientAuthenticationOptions TlsOf(PeerOptions options)
    {
        var tls = new SslClientAuthenticationOptions();
        if (options.CertPath.Length > 0) tls.ClientCertificates = [X509Certificate2.CreateFromPemFile(options.CertPath, options.KeyPath)];
        if (options.CaPath.Length > 0) tls.CertificateChainPolicy = TrustedRoots.PolicyOf(options.CaPath);
        return tls;
    }
}
