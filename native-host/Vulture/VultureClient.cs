using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Tempo.Host.Vulture;

/// <summary>The server as its clients see it: OTLP/HTTP in, the HTTP API out. Thread safe.</summary>
internal sealed class VultureClient : IDisposable
{
    /// <summary>An answer to one of our questions is a few kilobytes; what is longer is none.</summary>
    private const int MaxAnswerBytes = 16 << 20;

    private readonly HttpClient _http;
    private readonly VultureOptions _options;

    public VultureClient(VultureOptions options)
    {
        _options = options;
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(1) })
        {
            Timeout = TimeSpan.FromSeconds(30),
            MaxResponseContentBufferSize = MaxAnswerBytes,
        };
        if (options.Tenant.Length > 0) _http.DefaultRequestHeaders.TryAddWithoutValidation("X-Scope-OrgID", options.Tenant);
    }

    public async Task<VultureOutcome> SendAsync(VultureTrace trace, CancellationToken cancellation)
    {
        using var content =
            new ReadOnlyMemoryContent(trace.ToOtlpJson()) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        try
        {
            using var response = await _http.PostAsync(new Uri(_options.Push, "/v1/traces"), content, cancellation).ConfigureAwait(false);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => VultureOutcome.Acknowledged,
                HttpStatusCode.TooManyRequests => VultureOutcome.Unknown,
                >= (HttpStatusCode)400 and < (HttpStatusCode)500 => VultureOutcome.Refused,
                _ => VultureOutcome.Unknown,
            };
        }
        catch (Exception e) when (IsFailure(e, cancellation))
        {
            return VultureOutcome.Unknown;
        }
    }

    /// <summary>The answer's JSON; null with a reason if there is none. 404 is an answer without anything in it.</summary>
    public async Task<(JsonDocument? Answer, string Problem)> AskAsync(string path, CancellationToken cancellation)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Get, new Uri(_options.Query, path)) { Headers = { { "Accept", "application/json" } } };
        try
        {
            using var response = await _http.SendAsync(request, cancellation).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.NotFound) return (JsonDocument.Parse("{}"), "");
            if (response.StatusCode != HttpStatusCode.OK) return (null, $"status {(int)response.StatusCode}");
            return (JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false)), "");
        }
        catch (Exception e) when (e is JsonException || IsFailure(e, cancellation))
        {
            return (null, e.Message);
        }
    }

    public void Dispose() => _http.Dispose();

    private static bool IsFailure(Exception e, CancellationToken cancellation) =>
        e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested);
}
