using System.Text;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>Limits of tenants: from a file that is read again while the server runs, and through the API.</summary>
public sealed class OverridesTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    private TempoSettings Settings => new()
    {
        Multitenancy = true,
        Overrides = $"{{per_tenant_override_config: {_file}, per_tenant_override_period: 20ms, user_configurable_overrides: {{enabled: true, api: {{check_for_conflicting_runtime_overrides: true}}}}}}",
    };

    [Fact]
    public async Task The_file_is_read_again_and_a_bad_one_changes_nothing()
    {
        await File.WriteAllTextAsync(_file, "overrides: {a: {ingestion: {rate_limit_bytes: 1000000, burst_size_bytes: 1000000}}}");
        await using var tempo = await TempoProcess.StartAsync(Settings);
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        async Task<int> SendAsync(string tenant) => (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace()), tenant: tenant)).Status;
        async Task<double> SuccessAsync() =>
            (await tempo.Api.MetricsAsync()).Sum("tempo_runtime_config_last_reload_successful", "config=\"overrides\"");
        Assert.Equal((200, 200, 1), (await SendAsync("a"), await SendAsync("b"), await SuccessAsync()));
        Assert.Contains("rate_limit_bytes: 1000000\n", (await tempo.Api.AskAsync("/status/overrides/a")).Text, StringComparison.Ordinal);
        Assert.Contains("default overrides", (await tempo.Api.AskAsync("/status/overrides/b")).Text, StringComparison.Ordinal);

        // What an entry leaves out is zero, so nothing gets in.
        await File.WriteAllTextAsync(
            _file, "overrides: {\"*\": {read: {max_search_duration: 2h}}, a: {ingestion: {rate_limit_bytes: 7, burst_size_bytes: 1000000}}}");
        await Eventually.HoldsAsync("b is held to the limits of *", async () => await SendAsync("b") == 429);
        Assert.Equal(200, await SendAsync("a"));
        Assert.Contains("max_search_duration: 2h0m0s", (await tempo.Api.AskAsync("/status/runtime_config")).Text, StringComparison.Ordinal);

        await File.WriteAllTextAsync(_file, "overrides: {a: {ingestion: {rate: 1}}}");
        await Eventually.HoldsAsync("the bad file is seen", async () => await SuccessAsync() == 0);
        Assert.Equal((200, 429), (await SendAsync("a"), await SendAsync("b")));
        // its pipe may be behind
        await Eventually.HoldsAsync("the log says why", () => tempo.Log.Contains("field rate not found", StringComparison.Ordinal));

        await File.WriteAllTextAsync(_file, "overrides: {}");
        await Eventually.HoldsAsync("b is free again", async () => await SendAsync("b") == 200);
        Assert.Equal(1, await SuccessAsync());
    }

    [Fact]
    public async Task Limits_are_set_read_changed_and_deleted_through_the_api()
    {
        await File.WriteAllTextAsync(_file, "overrides: {}");
        await using var tempo = await TempoProcess.StartAsync(Settings);
        using var http = new HttpClient();
        async Task<(int Status, string Text, string ETag)> AskAsync(
            string method, string body = "", string? match = null, string query = "", string? tenant = "a")
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), $"http://127.0.0.1:{tempo.Ports.Api}/api/overrides{query}");
            if (body.Length > 0) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            if (match is not null) request.Headers.TryAddWithoutValidation("If-Match", match);
            if (tenant is not null) request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
            using var response = await http.SendAsync(request);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(),
                response.Headers.NonValidated.TryGetValues("ETag", out var tag) ? tag.ToString() : "");
        }

        const string set = """{"metrics_generator":{"processors":["span-metrics"],"collection_interval":"30s"}}""";
        const string whole = """{"cost_attribution":{},"metrics_generator":{"processors":["span-metrics"],"collection_interval":"30s","processor":{"service_graphs":{},"span_metrics":{},"host_info":{}}}}""";
        Assert.Equal((404, "", ""), await AskAsync("GET"));
        Assert.Equal((401, "no org id\n", ""), await AskAsync("GET", tenant: null));
        Assert.Equal((428, "must specify If-Match header\n", ""), await AskAsync("POST", set));
        Assert.Equal((200, "", "0"), await AskAsync("POST", set, "0"));
        Assert.Equal((200, whole, "0"), await AskAsync("GET"));
        Assert.Equal((404, "", ""), await AskAsync("GET", tenant: "b"));
        Assert.Equal((400, "unknown scope \"foo\", valid options are api and merged", ""), await AskAsync("GET", query: "?scope=foo"));
        Assert.Equal((400, "json: unknown field \"foo\"", ""), await AskAsync("POST", """{"foo":1}""", "0"));
        Assert.Equal((200, whole.Replace("\"30s\"", "\"1m\"", StringComparison.Ordinal), "0"),
            await AskAsync("PATCH", """{"metrics_generator":{"collection_interval":"1m"}}"""));
        Assert.Contains("span-metrics", (await tempo.Api.AskAsync("/status/overrides/a")).Text, StringComparison.Ordinal);
        Assert.Equal(405, (await AskAsync("PUT", set, "0")).Status);
        var merged = await AskAsync("GET", query: "?scope=merged");
        Assert.Equal((200, "0"), (merged.Status, merged.ETag));
        Assert.Contains("\"processors\":[\"span-metrics\"],\"collection_interval\":\"1m0s\"", merged.Text, StringComparison.Ordinal);
        Assert.Equal(200, (await AskAsync("GET", query: "?scope=merged", tenant: "b")).Status);

        // What the file sets for this tenant, the tenant does not set again.
        await File.WriteAllTextAsync(_file, "overrides: {a: {metrics_generator: {processors: [host-info]}}}");
        await Eventually.HoldsAsync("the file is read", async () => (await AskAsync("POST", set, "0")).Status == 400);
        Assert.StartsWith("metrics_generator.processors: set for this tenant in the overrides file",
            (await AskAsync("POST", set, "0")).Text, StringComparison.Ordinal);
        Assert.Equal(200, (await AskAsync("POST", set, "0", "?skip-conflicting-overrides-check=true")).Status);
        await File.WriteAllTextAsync(_file, "overrides: {}");

        Assert.Equal(0, await tempo.StopAsync());
        await tempo.StartAsync();
        Assert.Equal(200, (await AskAsync("GET")).Status);
        Assert.Equal(428, (await AskAsync("DELETE")).Status);
        Assert.Equal(200, (await AskAsync("DELETE", match: "0")).Status);
        Assert.Equal(404, (await AskAsync("GET")).Status);
    }
}
