using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Security;

/// <summary>Every listener × {no credentials, wrong ones, right ones of each kind}.</summary>
public sealed class AuthenticationTests : IDisposable
{
    private const string Token = "token-of-the-file", User = "grafana", Password = "pass:word";
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-auth-").FullName;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(20) };

    private static readonly string[] Wrong =
    [
        "", "Bearer", "Bearer ", "Bearer token-of-the-fil", "Bearer token-of-the-file2", "Bearer TOKEN-OF-THE-FILE", $"Basic {Token}",
        Token,
        Basic(User, "wrong"), Basic("", Password), Basic(User, ""), "Basic !!!", $"Bearer {User}:{Password}",
    ];

    private static readonly string[] Right = [$"Bearer {Token}", $"bearer {Token}", "Bearer one-of-the-list", Basic(User, Password)];

    public void Dispose()
    {
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Every_listener_asks_every_request()
    {
        await using var tempo = await StartAsync();
        // Every page and query of the API, every receiver, every path that any of them leaves open otherwise.
        var pages = (await AskAsync(HttpMethod.Get, $"http://{tempo.ApiAddress}/status/endpoints", Right[0])).Body.Split('\n')
            .Select(static line => line.Split('|')).Where(static cells => cells.Length > 3).Select(static cells => cells[2].Trim())
            .Where(static path => path.StartsWith('/') && path != "/ready").ToList();
        Assert.True(pages.Count > 30, $"{pages.Count} routes");
        (HttpMethod Method, string Url)[] requests =
        [
            .. pages.SelectMany(
                path => new[] { (HttpMethod.Get, $"http://{tempo.ApiAddress}{path}"),
                    (HttpMethod.Post, $"http://{tempo.ApiAddress}{path}") }),
            (HttpMethod.Post, $"http://{tempo.ApiAddress}/ready"), (HttpMethod.Get, $"http://{tempo.ApiAddress}/ready/"),
            (HttpMethod.Get, $"http://{tempo.ApiAddress}//ready"), (HttpMethod.Get, $"http://{tempo.ApiAddress}/nothing"),
            (HttpMethod.Post, tempo.OtlpHttpUrl), (HttpMethod.Options, tempo.OtlpHttpUrl),
            (HttpMethod.Get, $"http://127.0.0.1:{tempo.Ports.OtlpHttp}/ready"),
            (HttpMethod.Post, tempo.ZipkinUrl), (HttpMethod.Get, $"{tempo.ZipkinUrl}/ready"), (HttpMethod.Options, tempo.ZipkinUrl),
            (HttpMethod.Post, $"{tempo.ZipkinUrl}/tempo.peer/push"),
            (HttpMethod.Post, $"{tempo.JaegerHttpUrl}/api/traces"),
        ];
        foreach (var (method, url) in requests)
        {
            foreach (var wrong in Wrong)
            {
                var (status, challenge, _) = await AskAsync(method, url, wrong);
                Assert.True(status == HttpStatusCode.Unauthorized, $"{method} {url} with '{wrong}': {status}");
                Assert.Contains("Basic realm=\"tempo\"", challenge, StringComparison.Ordinal);
            }
        }

        foreach (var right in Right)
        {
            Assert.Equal(HttpStatusCode.OK, (await AskAsync(HttpMethod.Get, $"http://{tempo.ApiAddress}/api/echo", right)).Status);
            using var spans = new HttpRequestMessage(
                HttpMethod.Post, tempo.OtlpHttpUrl)
            { Content = new ByteArrayContent(ExportRequest.Encode(Spans.NewTrace(1))) };
            spans.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
            spans.Headers.TryAddWithoutValidation("Authorization", right);
            using var stored = await _http.SendAsync(spans);
            Assert.Equal(HttpStatusCode.OK, stored.StatusCode);
        }

        var text = (await AskAsync(HttpMethod.Get, $"http://{tempo.ApiAddress}/metrics", Right[0])).Body;
        Assert.Contains("tempo_request_unauthenticated_total{listener=\"zipkin\"}", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_over_gRPC_are_unauthenticated_without()
    {
        await using var tempo = await StartAsync();
        foreach (var (url, path) in new[] { (tempo.OtlpGrpcUrl, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
            (tempo.JaegerGrpcUrl, "/jaeger.api_v2.CollectorService/PostSpans"),
            ($"http://{tempo.ApiGrpcAddress}", "/grpc.health.v1.Health/Check"),
            ($"http://{tempo.ApiGrpcAddress}", "/tempopb.StreamingQuerier/Search"),
            ($"http://{tempo.ApiGrpcAddress}", "/tempo.peer/ping") })
        {
            foreach (var wrong in Wrong) Assert.Equal("16", await GrpcStatusAsync(url + path, wrong));
            foreach (var right in Right) Assert.NotEqual("16", await GrpcStatusAsync(url + path, right));
        }
    }

    [Fact]
    public async Task Tokens_of_a_file_change_without_a_restart()
    {
        await using var tempo = await StartAsync();
        var url = $"http://{tempo.ApiAddress}/api/echo";
        await File.WriteAllTextAsync(TokenFile, "another-token\n");
        await Eventually.HoldsAsync("the new token is taken",
            async () => (await AskAsync(HttpMethod.Get, url, "Bearer another-token")).Status == HttpStatusCode.OK);
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(HttpMethod.Get, url, $"Bearer {Token}")).Status);
    }

    private string TokenFile => Path.Combine(_folder, "tokens");

    private async Task<TempoProcess> StartAsync()
    {
        await File.WriteAllTextAsync(TokenFile, $"{Token}\n\n");
        var tempo = TempoProcess.Prepare(new TempoSettings
        {
            More = $"authentication:\n  bearer_token_file: {TokenFile}\n  bearer_tokens: [one-of-the-list]\n  basic_users: {{{User}: \"{Password}\"}}\n",
        });
        // Datagrams carry no credentials: with them it would not start.
        var yaml = await File.ReadAllTextAsync(tempo.ConfigFile);
        await tempo.ExpectRefusalAsync("thrift_compact and thrift_binary would stay open");
        await File.WriteAllTextAsync(tempo.ConfigFile,
            string.Join('\n', yaml.Split('\n').Where(
                line => !line.Contains("thrift_compact", StringComparison.Ordinal)
                    && !line.Contains("thrift_binary", StringComparison.Ordinal)
                    && !line.Contains($"127.0.0.1:{tempo.Ports.JaegerCompact}\"", StringComparison.Ordinal)
                    && !line.Contains($"127.0.0.1:{tempo.Ports.JaegerBinary}\"", StringComparison.Ordinal))));
        await tempo.StartAsync();
        return tempo;
    }

    private static string Basic(string user, string password) =>
        "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));

    private async Task<(HttpStatusCode Status, string Challenge, string Body)> AskAsync(HttpMethod method, string url, string authorization)
    {
        using var request = new HttpRequestMessage(method, url);
        if (authorization.Length > 0) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        if (method == HttpMethod.Options) request.Headers.TryAddWithoutValidation("Access-Control-Request-Method", "POST");
        using var answer = await _http.SendAsync(request);
        return (answer.StatusCode, string.Join(", ", answer.Headers.WwwAuthenticate), await answer.Content.ReadAsStringAsync());
    }

    private async Task<string> GrpcStatusAsync(string url, string authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post,
            url)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, 0])
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        if (authorization.Length > 0) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var answer = await _http.SendAsync(request);
        await answer.Content.ReadAsByteArrayAsync();
        return answer.Headers.TryGetValues("grpc-status", out var head) ? head.First()
            : answer.TrailingHeaders.TryGetValues("grpc-status", out var tail) ? tail.First()
            : "";
    }
}
