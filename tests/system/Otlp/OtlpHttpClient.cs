using System.Net;
using System.Text;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Otlp;

/// <summary>OTLP/HTTP with every header in the test's hand.</summary>
internal sealed class OtlpHttpClient(string url) : IDisposable
{
    public const string Protobuf = "application/x-protobuf", Json = "application/json";

    private readonly HttpClient _http = new(new SocketsHttpHandler()) { Timeout = TimeSpan.FromSeconds(30) };

    public Task<HttpAnswer> PostAsync(string json) => PostAsync(Encoding.UTF8.GetBytes(json), Json);

    public Task<HttpAnswer> PostAsync(byte[] body, string? contentType = Protobuf, string? encoding = null, string? tenant = null) =>
        SendAsync(HttpMethod.Post, body, contentType, encoding, tenant: tenant);

    public async Task<HttpAnswer> SendAsync(
        HttpMethod method, byte[] body, string? contentType = Protobuf, string? encoding = null, Version? version = null,
        string? tenant = null, string? atUrl = null, bool askFirst = false)
    {
        using var request = new HttpRequestMessage(
            method, atUrl ?? url)
        { Version = version ?? HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (body.Length > 0 || method == HttpMethod.Post) request.Content = new ByteArrayContent(body);
        if (contentType is not null) request.Content?.Headers.TryAddWithoutValidation("Content-Type", contentType);
        if (encoding is not null) request.Content?.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        // Without it a refusal that comes while the body is still being written may be lost with the connection.
        request.Headers.ExpectContinue = askFirst;
        if (tenant is not null) request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
        return await HttpAnswer.AskAsync(_http, request);
    }

    public void Dispose() => _http.Dispose();
}
