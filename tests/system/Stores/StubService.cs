using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using System.Security.Cryptography.X509Certificates;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Stores;

/// <summary>
/// A service on this machine, with TLS if it has certificates: answers each request by a function of it, 404 where that has no answer, and
/// notes what was asked.
/// </summary>
internal sealed class StubService : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly Func<Asked, Answer?> _answer;

    private StubService(TestCertificates? certificates, Func<Asked, Answer?> answer)
    {
        _answer = answer;
        var port = TempoPorts.Free().Api;
        Authority = $"127.0.0.1:{port}";
        Url = $"{(certificates is null ? "http" : "https")}://{Authority}";
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        if (certificates is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen =>
        {
            if (certificates is not null)
                listen.UseHttps(X509CertificateLoader.LoadPkcs12(
                    X509Certificate2.CreateFromPemFile(certificates.CertFile, certificates.KeyFile).Export(X509ContentType.Pkcs12), null));
        }));
        _server = builder.Build();
        _server.Run(ServeAsync);
    }

    public string Url { get; }

    /// <summary>Host and port.</summary>
    public string Authority { get; }

    public ConcurrentQueue<Asked> Requests { get; } = [];

    public static async Task<StubService> StartAsync(Func<Asked, Answer?> answer, TestCertificates? certificates = null)
    {
        var service = new StubService(certificates, answer);
        await service._server.StartAsync();
        return service;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        var request = context.Request;
        var body = await new StreamReader(request.Body).ReadToEndAsync();
        var asked = new Asked(request.Method, request.Path.Value + request.QueryString.Value,
            request.Headers.ToDictionary(
                static header => header.Key, static header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase), body);
        Requests.Enqueue(asked);
        var answer = _answer(asked);
        context.Response.StatusCode = answer?.Status ?? 404;
        context.Response.ContentType = answer?.Body.StartsWith('{') == true ? "application/json" : "text/xml";
        if (request.Method != "HEAD") await context.Response.WriteAsync(answer?.Body ?? "");
    }

    /// <summary>An answer; a text is one with 200.</summary>
    public sealed record Answer(int Status, string Body)
    {
        public static implicit operator Answer?(string? body) => body is null ? null : new(200, body);
    }

    /// <summary>A request: method, path with query, headers, body.</summary>
    public sealed record Asked(string Method, string Path, Dictionary<string, string> Headers, string Body)
    {
        /// <summary>A header's value, empty without it.</summary>
        public string this[string header] => Headers.GetValueOrDefault(header, "");
    }
}
