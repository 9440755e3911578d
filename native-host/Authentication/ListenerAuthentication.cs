using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Grpc;
using Tempo.Host.Http;

namespace Tempo.Host.Authentication;

/// <summary>
/// Stands before the handlers of listeners: a request without credentials that are allowed is answered and goes no further.
/// <code>
/// HTTP   401, WWW-Authenticate names the schemes that are on
/// gRPC   UNAUTHENTICATED
/// </code>
/// Open stays <c>GET /ready</c> of the API, which load balancers ask. Before it stand what no credentials come with: the preflights
/// of browsers, where CORS is on, and the nodes of a ring, which show the ring's own secret.
/// </summary>
internal sealed class ListenerAuthentication
{
    /// <summary>The listener with <c>/ready</c>.</summary>
    private const string Api = "http";

    private const string Refusal = "authentication is required";

    private readonly AuthenticationOptions _options;
    private readonly Credentials? _credentials;
    private readonly string _challenge;
    private readonly CounterFamily _refused;

    /// <exception cref="NodeStartException">The file of tokens cannot be read.</exception>
    public ListenerAuthentication(AuthenticationOptions options, MetricRegistry metrics, Log log, TimeProvider time)
    {
        _options = options;
        _refused = metrics.Counter(
            "tempo_request_unauthenticated_total", "Requests that were refused because they did not say who sends them.", "listener");
        _challenge = options.BasicUsers.Count == 0 ? "Bearer"
            : options.BearerTokens.Count + options.BearerTokenFile.Length == 0 ? "Basic realm=\"tempo\"" : "Basic realm=\"tempo\", Bearer";
        try
        {
            if (options.IsOn) _credentials = new Credentials(options, log, time);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NodeStartException($"authentication.bearer_token_file: {e.Message}", e);
        }
    }

    /// <summary>The handler itself if this listener lets everybody in.</summary>
    public Func<HttpContext, Task> Before(string listener, Func<HttpContext, Task> handle)
    {
        if (_credentials is null || !_options.Covers(listener)) return handle;
        var refused = _refused.With(listener);
        return context =>
        {
            var request = context.Request;
            var isOpen = listener == Api && HttpMethods.IsGet(request.Method) && request.Path.Value is "/ready";
            if (isOpen || _credentials.Allow(request.Headers.Authorization.ToString())) return handle(context);
            refused.Add();
            return RefuseAsync(context);
        };
    }

    private Task RefuseAsync(HttpContext context)
    {
        if (GrpcServer.IsGrpc(context.Request))
        {
            GrpcCall.Refuse(context.Response, new GrpcStatus(GrpcStatusCode.Unauthenticated, Refusal));
            return Task.CompletedTask;
        }

        context.Response.Headers.WWWAuthenticate = _challenge;
        return PlainText.WriteAsync(context, StatusCodes.Status401Unauthorized, Refusal + "\n");
    }
}
