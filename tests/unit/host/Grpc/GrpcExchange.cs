using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;
using Tempo.Host.Telemetry;

namespace Tempo.Host.Tests.Grpc;

/// <summary>One call through the real server code, over memory instead of a connection.</summary>
internal sealed class GrpcExchange : IHttpResponseTrailersFeature
{
    public const string Path = "/test.Echo/Say";
    public const int MaxMessageBytes = 1000;

    private readonly DefaultHttpContext _context = new();

    public IHeaderDictionary Trailers { get; set; } = new HeaderDictionary();
    public RequestMemory Memory { get; init; } = new(1 << 20);
    public Dictionary<string, string> Headers { get; } = [];
    public string Method { get; init; } = "POST";
    public string ContentType { get; init; } = "application/grpc";

    /// <summary>Milliseconds the method waits before it answers.</summary>
    public int DelayMilliseconds { get; init; }
    public string CallPath { get; init; } = Path;

    public int HttpStatus => _context.Response.StatusCode;

    /// <summary>Status headers, from wherever they were sent.</summary>
    public IHeaderDictionary StatusHeaders => Trailers.ContainsKey("grpc-status") ? Trailers : _context.Response.Headers;
    public string Status => StatusHeaders["grpc-status"].ToString();
    public string Message => StatusHeaders["grpc-message"].ToString();
    public byte[] ResponseBody => ((MemoryStream)_context.Response.Body).ToArray();

    public async Task<GrpcExchange> SendAsync(params byte[] body)
    {
        _context.Request.Method = Method;
        _context.Request.Path = CallPath;
        _context.Request.ContentType = ContentType;
        _context.Request.Body = new OneByteStream(body);
        _context.Response.Body = new MemoryStream();
        foreach (var (name, value) in Headers) _context.Request.Headers[name] = value;
        _context.Features.Set<IHttpResponseTrailersFeature>(this);
        var server =
            new GrpcServer([new Echo(DelayMilliseconds)], Memory, new RequestMetrics(new MetricRegistry()), Log.Null, TimeProvider.System);
        await server.HandleAsync(_context);
        await _context.Response.BodyWriter.FlushAsync();
        return this;
    }

    public static byte[] Frame(byte flag, params byte[] message) =>
        [flag, (byte)(message.Length >> 24), (byte)(message.Length >> 16), (byte)(message.Length >> 8), (byte)message.Length, .. message];

    private sealed class Echo(int delayMilliseconds) : IGrpcMethod
    {
        public string Path => GrpcExchange.Path;

        public async ValueTask<GrpcStatus> InvokeAsync(GrpcCall call)
        {
            using var body = call.RentBody();
            var status = await call.ReadSingleAsync(body, MaxMessageBytes);
            if (!status.IsOk) return status;
            if (delayMilliseconds > 0) await Task.Delay(delayMilliseconds, call.Cancellation);
            if (body.Buffer.Written.SequenceEqual("throw"u8)) throw new InvalidOperationException("secret");
            if (body.Buffer.Written.SequenceEqual("memory"u8)) throw new InsufficientMemoryException();
            call.WriteMessage(body.Buffer.Written);
            return GrpcStatus.Ok;
        }
    }

    // Delivers a byte at a time, so that every header and message is split everywhere.
    private sealed class OneByteStream(byte[] content) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(1, buffer.Length)], cancellationToken);
    }
}
