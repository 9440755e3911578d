using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Exporters;

/// <summary>What happens to an export that the gateway fails.</summary>
public enum GatewayFailure
{
    /// <summary>It is not handed on.</summary>
    Refused,

    /// <summary>It is handed on and stored, and its answer is replaced.</summary>
    AnswerLost,
}

/// <summary>A gateway between an exporter and the server that fails the first exports with what the server itself says when it
/// has too much to do (see OverloadTests), and hands the others on byte for byte.</summary>
internal sealed class FailingGateway : IAsyncDisposable
{
    private const int RetryAfterSeconds = 1;
    private const string Reason = "try again";

    private readonly TempoProcess _tempo;
    private readonly GatewayFailure _failure;
    private readonly int _failures;
    private readonly TempoPorts _ports = TempoPorts.Free();
    private readonly HttpClient _http = new(new SocketsHttpHandler());
    private readonly WebApplication _server;
    private int _exports;

    private FailingGateway(TempoProcess tempo, GatewayFailure failure, int failures)
    {
        _tempo = tempo;
        _failure = failure;
        _failures = failures;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, _ports.OtlpGrpc, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, _ports.OtlpHttp, listen => listen.Protocols = HttpProtocols.Http1);
        });
        _server = builder.Build();
        _server.Run(ServeAsync);
    }

    public string OtlpGrpcUrl => $"http://127.0.0.1:{_ports.OtlpGrpc}";

    public string OtlpHttpUrl => $"http://127.0.0.1:{_ports.OtlpHttp}/v1/traces";

    /// <summary>Exports that have come in so far.</summary>
    public int Exports => Volatile.Read(ref _exports);

    public static async Task<FailingGateway> StartAsync(TempoProcess tempo, GatewayFailure failure, int failures)
    {
        var gateway = new FailingGateway(tempo, failure, failures);
        await gateway._server.StartAsync();
        return gateway;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _http.Dispose();
    }

    private async Task ServeAsync(HttpContext context)
    {
        var fails = Interlocked.Increment(ref _exports) <= _failures;
        using var answer = fails && _failure == GatewayFailure.Refused ? null : await HandOnAsync(context.Request);
        if (fails) await FailAsync(context);
        else await HandBackAsync(answer!, context.Response);
    }

    private async Task<HttpResponseMessage> HandOnAsync(HttpRequest request)
    {
        var isGrpc = HttpProtocol.IsHttp2(request.Protocol);
        var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        using var message = new HttpRequestMessage(
            HttpMethod.Post, $"http://127.0.0.1:{(isGrpc ? _tempo.Ports.OtlpGrpc : _tempo.Ports.OtlpHttp)}{request.Path}")
        {
            Version = isGrpc ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body.ToArray()),
        };
        foreach (var name in new[] { "Content-Type", "Content-Encoding" })
            if (request.Headers.TryGetValue(name, out var value)) message.Content.Headers.TryAddWithoutValidation(name, value.ToString());
        foreach (var name in new[] { "TE", "grpc-encoding" })
            if (request.Headers.TryGetValue(name, out var value)) message.Headers.TryAddWithoutValidation(name, value.ToString());
        return await _http.SendAsync(message);
    }

    private static async Task HandBackAsync(HttpResponseMessage answer, HttpResponse response)
    {
        response.StatusCode = (int)answer.StatusCode;
        response.ContentType = answer.Content.Headers.ContentType?.ToString();
        await response.Body.WriteAsync(await answer.Content.ReadAsByteArrayAsync());
        foreach (var (name, values) in answer.TrailingHeaders) response.AppendTrailer(name, string.Join(", ", values));
    }

    private static async Task FailAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = context.Request.ContentType;
        if (HttpProtocol.IsHttp2(context.Request.Protocol))
        {
            response.AppendTrailer("grpc-status", GrpcAnswer.Unavailable.ToString(CultureInfo.InvariantCulture));
            response.AppendTrailer("grpc-message", Reason);
            response.AppendTrailer("grpc-status-details-bin", Convert.ToBase64String(Status()).TrimEnd('='));
            return;
        }

        response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        if (response.ContentType == OtlpHttpClient.Protobuf) await response.Body.WriteAsync(Status());
        else await response.WriteAsync($$"""{"code":{{GrpcAnswer.Unavailable}},"message":"{{Reason}}"}""");
    }

    /// <summary>A google.rpc.Status with a RetryInfo: <c>retry_delay=1 { seconds=1 }</c>.</summary>
    private static byte[] Status()
    {
        var retryInfo = new ProtobufMessage().Message(1, new ProtobufMessage().Varint(1, RetryAfterSeconds));
        return new ProtobufMessage().Varint(1, GrpcAnswer.Unavailable).String(2, Reason)
            .Message(3, new ProtobufMessage().String(1, RpcStatus.RetryInfo).Message(2, retryInfo)).ToArray();
    }
}
