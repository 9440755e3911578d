using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;
using Tempo.Host.Edge;

namespace Tempo.Host.Startup;

/// <summary>What a listener allows.</summary>
/// <param name="MaxBodyBytes">On the wire, as the server itself holds it; null where the receiver counts for itself.</param>
/// <param name="MaxRequestLineBytes">Longest request line, and with it the longest query in a URL.</param>
/// <param name="IsHttp2Only">Refuse HTTP/1.1.</param>
/// <param name="MaxStreams">Requests at once on one HTTP/2 connection.</param>
internal sealed record ListenerLimits(long? MaxBodyBytes, int MaxRequestLineBytes, bool IsHttp2Only, int MaxStreams = 100)
{
    /// <summary>A connection without a request for so long is closed; zero: after 130 s.</summary>
    public TimeSpan IdleTimeout { get; init; }

    /// <summary>The head of a request must be there by then; zero: after 30 s.</summary>
    public TimeSpan ReadHeaderTimeout { get; init; }

    /// <summary>Silence on HTTP/2 before the client is asked whether it is there; zero: 60 s.</summary>
    public TimeSpan PingAfter { get; init; }

    /// <summary>The time it has to answer; zero: 20 s.</summary>
    public TimeSpan PingTimeout { get; init; }

    /// <summary>HTTP/1.1 is taken beside HTTP/2 for pushes of other nodes; the handler refuses others.</summary>
    public bool TakesPushes { get; init; }

    /// <summary>Whether HTTP/1.1 is spoken at all.</summary>
    public bool TakesHttp1 => !IsHttp2Only || TakesPushes;

    /// <summary>The same with what a receiver's configuration says.</summary>
    public ListenerLimits With(ReceiverServerOptions server) => this with
    {
        MaxStreams = server.MaxConcurrentStreams > 0 ? server.MaxConcurrentStreams : MaxStreams,
        IdleTimeout = server.IdleTimeout,
        ReadHeaderTimeout = server.ReadHeaderTimeout,
        PingAfter = server.PingAfter,
        PingTimeout = server.PingTimeout,
    };

    /// <summary>
    /// Requests are served on the thread that has read them from the socket, which is one of the pool, instead of waking another; over
    /// HTTP/2 that thread takes the frames apart, and a call gets one of its own as ever. While such
    /// a one computes nobody hears that its client has gone: for requests that are soon done, not for queries.
    /// </summary>
    public bool RunsInline { get; init; }
}

/// <summary>
/// One port: a Kestrel server of its own, so that limits are the port's and not the process's, without a host, a service
/// container or a middleware pipeline, none of which would do anything here but cost start time.
/// </summary>
internal sealed class Listener : IAsyncDisposable
{
    /// <summary>A connection costs up to a few blocks of 64 KiB while it is busy; ten thousand idle ones are fine.</summary>
    private const int MaxConnections = 20_000;

    // Measured on 45 KB messages: a third more than with the server's 768 KiB and 1 MiB; larger gave nothing.
    private const int StreamWindowBytes = 1 << 20;
    private const int ConnectionWindowBytes = 8 << 20;

    // Metadata that other gRPC servers take: the header block is one for the connection, and what is over the server's limits ends
    // the connection (a field) or gets an answer without a grpc-status (their number, their sum).
    private const int MaxHeaderCount = 1000;
    private const int MaxHeaderBytes = 512 * 1024;
    private const int MaxHeaderFieldBytes = 256 * 1024;

    /// <summary>The server takes nothing shorter.</summary>
    private static readonly TimeSpan MinPing = TimeSpan.FromSeconds(1);

    private readonly KestrelServer _server;

    private Listener(string name, KestrelServer server)
    {
        Name = name;
        _server = server;
    }

    /// <summary>What it is for.</summary>
    public string Name { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="name">What it is for.</param>
    /// <param name="address">Where to listen.</param>
    /// <param name="limits">What it allows.</param>
    /// <param name="handle">Serves a request.</param>
    /// <param name="log">Gets what fails.</param>
    /// <param name="certificate">With TLS.</param>
    /// <param name="posts">Serves plain posts below Kestrel; null: all requests are Kestrel's. Without TLS, on Linux.</param>
    /// <exception cref="ListenException">The address is not ours or taken, or its name is not known.</exception>
    public static async Task<Listener> StartAsync(
        string name, ListenAddress address, ListenerLimits limits, Func<HttpContext, Task> handle, Log log,
        ServerCertificate? certificate = null, PlainPosts? posts = null)
    {
        var socketOptions = new SocketTransportOptions { Backlog = 1024, UnsafePreferInlineScheduling = limits.RunsInline };
        TransportMemory.UseLargeBlocks(socketOptions);
        IConnectionListenerFactory sockets = posts is null || certificate is not null || !OperatingSystem.IsLinux()
            ? new SocketTransportFactory(Options.Create(socketOptions), NullLoggerFactory.Instance)
            : new EdgeTransport(socketOptions, posts, (limits.IdleTimeout, limits.ReadHeaderTimeout));
        var transport = new SniffingTransport(sockets, certificate);
        KestrelServer? server = null;
        try
        {
            server = new KestrelServer(Options.Create(ServerOptions(address.Resolve(), limits)), transport, NullLoggerFactory.Instance);
            await server.StartAsync(new ListenerApplication(handle, log), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or InvalidOperationException)
        {
            server?.Dispose();
            throw new ListenException($"{name} cannot listen on {address}: {e.Message}");
        }

        log.Info("listening", ("listener", name), ("address", address), ("tls", certificate is not null));
        return new Listener(name, server);
    }

    /// <summary>Stops accepting, lets requests in flight finish until the token is cancelled, then closes what is left.</summary>
    public Task StopAsync(CancellationToken cancellation) => _server.StopAsync(cancellation);

    public ValueTask DisposeAsync()
    {
        _server.Dispose();
        return ValueTask.CompletedTask;
    }

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static KestrelServerOptions ServerOptions(IPEndPoint endPoint, ListenerLimits listenerLimits)
    {
        var options = new KestrelServerOptions { AddServerHeader = false, AllowSynchronousIO = false };
        var limits = options.Limits;
        limits.MaxRequestBodySize = listenerLimits.MaxBodyBytes;
        limits.MaxConcurrentConnections = MaxConnections;
        limits.MaxRequestLineSize = listenerLimits.MaxRequestLineBytes;
        limits.MaxRequestHeadersTotalSize = Math.Max(MaxHeaderBytes, listenerLimits.MaxRequestLineBytes);
        limits.MaxRequestHeaderCount = MaxHeaderCount;
        limits.Http2.MaxRequestHeaderFieldSize = Math.Max(MaxHeaderFieldBytes, listenerLimits.MaxRequestLineBytes);
        // The server judges the rate of a connection, and would end all of its calls for one that does not go on; GrpcCall judges each.
        if (listenerLimits.IsHttp2Only) limits.MinRequestBodyDataRate = null;
        limits.Http2.MaxStreamsPerConnection = listenerLimits.MaxStreams;
        limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
        limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        limits.Http2.KeepAlivePingDelay =
            listenerLimits.PingAfter > TimeSpan.Zero ? Longer(listenerLimits.PingAfter, MinPing) : TimeSpan.FromSeconds(60);
        limits.Http2.KeepAlivePingTimeout =
            listenerLimits.PingTimeout > TimeSpan.Zero ? Longer(listenerLimits.PingTimeout, MinPing) : TimeSpan.FromSeconds(20);
        if (listenerLimits.IdleTimeout > TimeSpan.Zero) limits.KeepAliveTimeout = listenerLimits.IdleTimeout;
        if (listenerLimits.ReadHeaderTimeout > TimeSpan.Zero) limits.RequestHeadersTimeout = listenerLimits.ReadHeaderTimeout;
        if (listenerLimits.TakesHttp1)
            options.Listen(new SniffedEndPoint(endPoint, HttpProtocols.Http1), listen => listen.Protocols = HttpProtocols.Http1);
        options.Listen(new SniffedEndPoint(endPoint, HttpProtocols.Http2), listen => listen.Protocols = HttpProtocols.Http2);
        return options;
    }
}
