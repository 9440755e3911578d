using System.Globalization;
using System.Text;
using System.Text.Json;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Prometheus;

/// <summary>One series of an answer.</summary>
public sealed record PrometheusSeries(IReadOnlyDictionary<string, string> Labels, double Value)
{
    public string this[string label] => Labels.GetValueOrDefault(label, "");
}

/// <summary>A real Prometheus, of the distribution's package, on a port and in a folder of its own. It receives remote writes.</summary>
public sealed class PrometheusProcess : IAsyncDisposable
{
    private readonly Daemon _daemon = new("prometheus");
    private readonly HttpClient _http = new(new SocketsHttpHandler()) { Timeout = TimeSpan.FromSeconds(20) };
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-prometheus-").FullName;
    private readonly int _port = TempoPorts.Free().Api;

    public string Url => $"http://127.0.0.1:{_port}";

    public string RemoteWriteUrl => $"{Url}/api/v1/write";

    public string Log => _daemon.Log;

    /// <summary>Starts it; it scrapes the given pages (job name, host and port, path) once a second.</summary>
    public async Task StartAsync(params (string Job, string Address, string Path)[] scraped)
    {
        var config = new StringBuilder("global: {scrape_interval: 1s, evaluation_interval: 1h}\nscrape_configs:\n");
        foreach (var (job, address, path) in scraped)
            config.Append(CultureInfo.InvariantCulture,
                $"- {{job_name: {job}, metrics_path: {path}, static_configs: [{{targets: ['{address}']}}]}}\n");
        if (scraped.Length > 0 || !File.Exists(Path.Combine(_folder, "prometheus.yml")))
            await File.WriteAllTextAsync(Path.Combine(_folder, "prometheus.yml"), scraped.Length > 0 ? config.ToString() : "global: {}\n");
        await _daemon.StartAsync(
        [
            $"--config.file={_folder}/prometheus.yml", $"--storage.tsdb.path={_folder}/data", $"--web.listen-address=127.0.0.1:{_port}",
            "--web.enable-remote-write-receiver", "--enable-feature=native-histograms,exemplar-storage",
        ], async () =>
        {
            using var answer = await _http.GetAsync($"{Url}/-/ready");
            return answer.IsSuccessStatusCode;
        });
    }

    /// <summary>kill -9.</summary>
    public Task KillAsync() => _daemon.KillAsync();

    /// <summary>An instant query, now.</summary>
    public async Task<IReadOnlyList<PrometheusSeries>> QueryAsync(string query)
    {
        using var json = await AskAsync($"/api/v1/query?query={Uri.EscapeDataString(query)}");
        return [.. json.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().Select(static series => new PrometheusSeries(
            series.GetProperty("metric").EnumerateObject()
                .ToDictionary(static label => label.Name, static label => label.Value.GetString()!),
            series.TryGetProperty("value", out var value)
                ? double.Parse(value[1].GetString()!, CultureInfo.InvariantCulture)
                : double.NaN))];
    }

    /// <summary>The one value of a query; not a number if there is none.</summary>
    public async Task<double> ValueAsync(string query) => (await QueryAsync(query)) is [var series] ? series.Value : double.NaN;

    /// <summary>Waits until the query has exactly this value.</summary>
    public async Task HasAsync(string query, double value)
    {
        var last = double.NaN;
        try
        {
            await Eventually.HoldsAsync($"{query} = {value}", async () => (last = await ValueAsync(query)) == value);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}; it is {last}\n{Log}", e);
        }
    }

    /// <summary>Samples of a series, oldest first: <c>name{…}</c> with <c>[range]</c>.</summary>
    public async Task<IReadOnlyList<(double UnixSeconds, double Value)>> SamplesAsync(string selectorWithRange)
    {
        using var json = await AskAsync($"/api/v1/query?query={Uri.EscapeDataString(selectorWithRange)}");
        return [.. json.RootElement.GetProperty("data").GetProperty("result").EnumerateArray()
            .SelectMany(static series => series.GetProperty("values").EnumerateArray())
            .Select(static pair => (pair[0].GetDouble(), double.Parse(pair[1].GetString()!, CultureInfo.InvariantCulture)))];
    }

    /// <summary>Trace ids of a metric's exemplars.</summary>
    public async Task<IReadOnlyList<string>> ExemplarTracesAsync(string query)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        using var json = await AskAsync($"/api/v1/query_exemplars?query={Uri.EscapeDataString(query)}&start={now - 3600}&end={now + 60}");
        return [.. json.RootElement.GetProperty("data").EnumerateArray()
            .SelectMany(static series => series.GetProperty("exemplars").EnumerateArray())
            .Select(static exemplar => exemplar.GetProperty("labels").GetProperty("traceID").GetString()!)];
    }

    /// <summary>Its own metrics.</summary>
    public async Task<PrometheusText> MetricsAsync() => new(await _http.GetStringAsync($"{Url}/metrics"));

    public async ValueTask DisposeAsync()
    {
        await _daemon.EndAsync();
        _daemon.Dispose();
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<JsonDocument> AskAsync(string path)
    {
        using var answer = await _http.GetAsync(Url + path);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {text}");
        return JsonDocument.Parse(text);
    }
}
