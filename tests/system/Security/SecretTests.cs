using System.Text.RegularExpressions;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Security;

/// <summary>A secret in each place of the configuration that takes one; none of them comes out anywhere.</summary>
public sealed partial class SecretTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-secrets-").FullName;
    private readonly TestCertificates _certificates = new();
    private readonly Canaries _canaries;

    public SecretTests() => _canaries = new Canaries(_folder);

    public void Dispose()
    {
        _certificates.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_server_with_thirty_secrets_shows_none_of_them()
    {
        await using var tempo = TempoProcess.Prepare(SettingsWithSecrets());
        // As an operator would: the secret is in the environment, the file has its name.
        tempo.Variables["TEMPO_TEST_SECRET"] = _canaries.New("${TEMPO_TEST_SECRET}");
        tempo.Variables["AWS_SECRET_ACCESS_KEY"] = _canaries.New("AWS_SECRET_ACCESS_KEY");
        tempo.Variables["AWS_SESSION_TOKEN"] = _canaries.New("AWS_SESSION_TOKEN");
        tempo.Variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://user:{_canaries.New("the endpoint of own traces")}@127.0.0.1:1";
        tempo.Variables["OTEL_EXPORTER_OTLP_HEADERS"] = $"authorization={_canaries.New("the headers of own traces")}";
        tempo.Flags = ["-config.expand-env", "-log.level=debug"];
        Assert.True(_canaries.Count >= 30, $"{_canaries.Count} canaries");

        await tempo.StartAsync();
        await SendAsync(tempo);
        // Half of the targets at least: the log takes only so many lines of a kind. Each target of remote write fails in its own way, the
        // object service is not there: what is logged of it is what is asked for.
        await Eventually.HoldsAsync("the targets were tried",
            () => Task.FromResult(
                Attempts().Matches(tempo.Log).Select(static line => line.Groups[1].Value).Distinct().Count() >= Targets / 2
                    && tempo.Log.Contains("upload failed", StringComparison.Ordinal)));
        foreach (var path in await PathsAsync(tempo))
            foreach (var accept in new[] { null, "application/json" })
                _canaries.AssertAbsent(path, (await tempo.Api.AskAsync(path, accept: accept)).ToString());
        foreach (var path in new[] { "/status/config?mode=defaults", "/status/config?mode=diff", "/status/runtime_config?mode=diff",
            "/status/overrides/single-tenant", "/nothing/here", "/api/overrides" })
            _canaries.AssertAbsent(path, (await tempo.Api.AskAsync(path)).ToString());
        Assert.Contains("log_level: debug", (await tempo.Api.AskAsync("/status/config")).Text, StringComparison.Ordinal);
        Assert.Equal(0, await tempo.StopAsync());
        _canaries.AssertAbsent("the log", tempo.Log);
    }

    [Fact]
    public async Task What_is_wrong_with_a_configuration_is_said_without_its_secrets()
    {
        var wrong = new[]
        {
            // A map where a value belongs, a value where a map belongs, an unknown key beside it, what is no YAML, what is refused.
            $"storage: {{trace: {{s3: {{secret_key: {{a: {_canaries.New("a map for a secret")}}}}}}}}}",
            $"metrics_generator: {{storage: {{remote_write: [{{url: 'http://a', basic_auth: {_canaries.New("a secret for a map")}}}]}}}}",
            $"metrics_generator: {{storage: {{remote_write: [{{url: 'http://a', basic_auth: {{password: {_canaries.New("beside an unknown key")}, pasword: x}}}}]}}}}",
            $"metrics_generator: {{storage: {{remote_write: [{{url: 'htp://user:{_canaries.New("a URL of another scheme")}@a'}}]}}}}",
            $"metrics_generator: {{storage: {{remote_write: [{{url: 'user:{_canaries.New("no URL")}@a'}}]}}}}",
            $"metrics_generator: {{storage: {{remote_write: [{{url: 'http://a', oauth2: {{client_id: i, client_secret: {_canaries.New("oauth2")}, token_url: 'user:{_canaries.New("token_url")}@a'}}}}]}}}}",
            $"metrics_generator: {{storage: {{remote_write: [{{url: 'http://a', basic_auth: {{username: u, password: {_canaries.New("two kinds")}}}, bearer_token: {_canaries.New("of secrets")}}}]}}}}",
            $"storage:\n  trace:\n    s3:\n      secret_key: {_canaries.New("a tab behind it")}\n\t  access_key: x",
            $"storage:\n  trace:\n    s3:\n      secret_key: \"{_canaries.New("an open quote")}\n",
            $"storage:\n  trace:\n    s3:\n      secret_key: [{_canaries.New("an open list")}\n",
            $"storage: {{trace: {{s3: {{sse: {{encryption_key: {_canaries.New("sse.encryption_key")}}}}}}}}}",
            $"storage: {{trace: {{s3: {{secret_key: \"${{1:-{_canaries.New("a bad variable's default")}}}\"}}}}}}",
            $"storage: {{trace: {{s3: {{secret_key: *{_canaries.New("an alias")}}}}}}}",
            $"storage: {{trace: {{s3: {{secret_key: !{_canaries.New("a tag")}}}}}}}",
            $"authentication: {{basic_users: {{user: [{_canaries.New("basic_users")}]}}}}",
            $"authentication: {{bearer_tokens: {_canaries.New("bearer_tokens")}}}",
            $"cache: {{caches: [{{redis: {{password: {_canaries.New("cache.redis.password")}}}}}]}}",
            $"ring: {{peer_secret: [{_canaries.New("ring.peer_secret")}]}}",
            $"overrides: {{defaults: {{metrics_generator: {{remote_write_headers: {_canaries.New("remote_write_headers")}}}}}}}",
        };
        foreach (var text in wrong)
        {
            var file = Path.Combine(_folder, "wrong.yaml");
            await File.WriteAllTextAsync(file, text);
            foreach (var flags in new string[][] { ["-config.verify"], ["-config.verify", "-config.expand-env"] })
            {
                var run = await ProgramRun.ToEndAsync(Repository.Binary, [$"-config.file={file}", .. flags], TimeSpan.FromSeconds(30));
                _canaries.AssertAbsent(text, run.Everything);
            }
        }
    }

    [Fact]
    public async Task Secrets_of_Azure_are_not_in_what_is_said_of_its_failures()
    {
        var storage = $"    backend: azure\n    blocklist_poll: 1s\n    azure: {{container_name: c, storage_account_name: account, endpoint_suffix: 127.0.0.1:1, sas_token: 'sv=2024&sig={_canaries.New("azure.sas_token")}'}}\n";
        await using var tempo = await TempoProcess.StartAsync(new TempoSettings { Storage = storage });
        await SendAsync(tempo);
        await Eventually.HoldsAsync(
            "the upload failed", () => Task.FromResult(tempo.Log.Contains("upload failed", StringComparison.Ordinal)));
        foreach (var path in await PathsAsync(tempo)) _canaries.AssertAbsent(path, (await tempo.Api.AskAsync(path)).ToString());
        _canaries.AssertAbsent("the log", tempo.Log);
        var listed = await ProgramRun.ToEndAsync(
            Repository.Binary, ["list", "blocks", "--config.file", tempo.ConfigFile, "single-tenant"], TimeSpan.FromSeconds(60));
        _canaries.AssertAbsent("tempo list blocks", listed.Everything);
    }

    /// <summary>Entries of remote write below.</summary>
    private const int Targets = 10;

    [GeneratedRegex("a batch was not taken.* url=([^ ]+)")]
    private static partial Regex Attempts();

    private static async Task SendAsync(TempoProcess tempo)
    {
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var answer = await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(5)));
        Assert.True(answer.Status == 200, $"{answer}\n{tempo.Log}");
        await tempo.Api.FlushAsync();
    }

    // Every page that needs no parameter.
    private static async Task<string[]> PathsAsync(TempoProcess tempo)
    {
        var page = await tempo.Api.AskAsync("/status/endpoints");
        return ["/status", .. page.Text.Split('\n').Select(static line => line.Split('|'))
            .Where(static cells => cells.Length > 3 && cells[3].Contains("GET", StringComparison.Ordinal))
            .Select(static cells => cells[2].Trim()).Where(static path => !path.Contains('{', StringComparison.Ordinal))];
    }

    private TempoSettings SettingsWithSecrets()
    {
        _certificates.WriteServer("server");
        // The content of a key file is a secret, too: a part of it that cannot be anywhere else.
        File.AppendAllText(_certificates.KeyFile, $"\n# {_canaries.New("a TLS key file")}\n");
        var tls = $"{{cert_file: {_certificates.CertFile}, key_file: {_certificates.KeyFile}}}";
        string[] targets =
        [
            $"{{url: 'http://user:{_canaries.New("url: user")}@127.0.0.1:1/a?token={_canaries.New("url: query")}'}}",
            $"{{url: 'http://127.0.0.1:1/b', basic_auth: {{username: user, password: {_canaries.New("basic_auth.password")}}}}}",
            $"{{url: 'http://127.0.0.1:1/c', basic_auth: {{username: user, password_file: {_canaries.File("basic_auth.password_file")}}}}}",
            $"{{url: 'http://127.0.0.1:1/d', authorization: {{credentials: {_canaries.New("authorization.credentials")}}}}}",
            $"{{url: 'http://127.0.0.1:1/e', authorization: {{type: ApiKey, credentials_file: {_canaries.File("authorization.credentials_file")}}}}}",
            $"{{url: 'http://127.0.0.1:1/f', bearer_token: {_canaries.New("bearer_token")}}}",
            $"{{url: 'http://127.0.0.1:1/g', bearer_token_file: {_canaries.File("bearer_token_file")}}}",
            $"{{url: 'http://127.0.0.1:1/h', oauth2: {{client_id: id, client_secret: {_canaries.New("oauth2.client_secret")}, token_url: 'http://user:{_canaries.New("oauth2.token_url")}@127.0.0.1:1/', endpoint_params: {{password: {_canaries.New("oauth2.endpoint_params")}}}}}}}",
            $"{{url: 'http://127.0.0.1:1/i', oauth2: {{client_id: id, client_secret_file: {_canaries.File("oauth2.client_secret_file")}, token_url: 'http://127.0.0.1:1/'}}}}",
            $"{{url: 'http://127.0.0.1:1/j', sigv4: {{region: r, access_key: id, secret_key: {_canaries.New("sigv4.secret_key")}}}, headers: {{X-Key: {_canaries.New("headers")}}}, tls_config: {{key_file: {_canaries.File("tls_config.key_file")}}}}}",
        ];
        Assert.Equal(Targets, targets.Length);
        var overrides = Path.Combine(_folder, "overrides.yaml");
        File.WriteAllText(overrides, $"overrides: {{single-tenant: {{ingestion: {{rate_limit_bytes: 1000000000, burst_size_bytes: 1000000000, max_traces_per_user: 0}}, global: {{max_bytes_per_trace: 0}}, metrics_generator: {{processors: [span-metrics], remote_write_headers: {{X-Tenant-Key: {_canaries.New("the overrides file")}}}}}}}}}\n");
        return new TempoSettings
        {
            Storage = $"    backend: s3\n    blocklist_poll: 1s\n    s3: {{bucket: b, endpoint: '127.0.0.1:1', insecure: true, forcepathstyle: true, access_key: id, secret_key: {_canaries.New("s3.secret_key")}, session_token: {_canaries.New("s3.session_token")}}}\n"
                + $"    azure: {{storage_account_key: {_canaries.NewBase64("azure.storage_account_key")}, sas_token: 'sig={_canaries.New("azure.sas_token")}'}}\n",
            ZipkinMore = $"\n      tls: {tls}",
            Overrides = $"{{per_tenant_override_config: {overrides}, defaults: {{metrics_generator: {{processors: [span-metrics], remote_write_headers: {{X-Key: {_canaries.New("remote_write_headers")}}}}}}}}}",
            More = $"""
                metrics_generator:
                  registry: {"{"}collection_interval: 1s{"}"}
                  storage: {"{"}path: generator, remote_write: [{string.Join(", ", targets)}]{"}"}
                ring: {"{"}peer_secret: {_canaries.New("ring.peer_secret")}{"}"}
                ingester: {"{"}lifecycler: {"{"}ring: {"{"}kvstore: {"{"}etcd: {"{"}password: {_canaries.New("etcd.password")}{"}"}{"}"}{"}"}{"}"}{"}"}
                cache: {"{"}caches: [{"{"}roles: [bloom], redis: {"{"}endpoint: "127.0.0.1:1", password: {_canaries.New("cache.redis.password")}{"}"}{"}"}]{"}"}
                authentication:
                  bearer_tokens: [{_canaries.New("authentication.bearer_tokens")}]
                  bearer_token_file: {_canaries.File("authentication.bearer_token_file")}
                  basic_users: {"{"}grafana: {_canaries.New("authentication.basic_users")}, another: "${"{"}TEMPO_TEST_SECRET{"}"}"{"}"}
                  listeners: [zipkin]

                """,
        };
    }
}
