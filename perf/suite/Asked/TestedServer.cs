using System.Globalization;
using System.Text.Json;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Queries;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Suite.Asked;

/// <summary>A server behind OTLP and the Tempo API; of one that runs here (<paramref name="pid"/>) CPU and memory are known, too.</summary>
/// <param name="name">"ours" or "peer".</param>
/// <param name="api">Of the query API, http://host:port.</param>
/// <param name="grpc">host:port of OTLP/gRPC; null: none.</param>
/// <param name="http">host:port of OTLP/HTTP; null: none.</param>
/// <param name="pid">Its process on this machine.</param>
/// <param name="dataFolder">Its blocks on this machine.</param>
internal sealed class TestedServer(
    string name, Uri api, string? grpc, string? http, int? pid, string? dataFolder, IDisposable? owned = null) : IDisposable
{
    private readonly HttpClient _client = new() { BaseAddress = api, Timeout = TimeSpan.FromMinutes(5) };
    private readonly ServerProcess? _process = pid is { } id ? new ServerProcess(id) : null;

    public string Name => name;
    public string? Grpc => grpc;
    public string? Http => http;
    public int? Pid => pid;
    public string? DataFolder => dataFolder;
    public Uri Api => api;

    public static TestedServer Start(string name, string binary)
    {
        var server = new StartedServer(binary);
        return Of(name, server, owned: server);
    }

    /// <summary>A process that the suite has started, as it runs now.</summary>
    public static TestedServer Of(string name, StartedServer server, IDisposable? owned = null) =>
        new(name, new Uri($"http://127.0.0.1:{server.Api}"), $"127.0.0.1:{server.Grpc}", $"127.0.0.1:{server.Http}", server.Pid,
            server.DataFolder, owned)
        { ReadyMs = server.ReadyMs };

    /// <summary>From its start to ready; null of a server that was there already.</summary>
    public double? ReadyMs { get; private init; }

    /// <summary>CPU seconds so far, or null of a server elsewhere.</summary>
    public double? CpuSeconds() => _process?.CpuSeconds();

    /// <summary>Resident at the moment; null of a server elsewhere.</summary>
    public long? ResidentBytes() => _process?.Memory()?.ResidentBytes;

    /// <summary>The sum of a counter over all its labels.</summary>
    public double Counter(string counter) => System.Text.Encoding.UTF8.GetString(Get("/metrics")).Split('\n')
        .Where(line =>
            line.StartsWith(counter, StringComparison.Ordinal) && line.Length > counter.Length && line[counter.Length] is (' ' or '{'))
        .Sum(static line => double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture));

    public ExportTarget Target()
    {
        string address = grpc ?? http ?? throw new IOException($"{name} has no OTLP address");
        int colon = address.LastIndexOf(':');
        return new ExportTarget(address[..colon].Trim('[', ']'), int.Parse(address.AsSpan(colon + 1), CultureInfo.InvariantCulture),
            grpc is not null, Tenant: null, IsGzip: false, MaxFrameBytes: 16_384);
    }

    /// <summary>The body of an answer of 200; throws <see cref="IOException"/> with status and text else.</summary>
    public byte[] Get(string path)
    {
        using HttpResponseMessage response = Send(HttpMethod.Get, path);
        byte[] body = Body(response);
        if (!response.IsSuccessStatusCode)
            throw new IOException(
                $"{name} answers {(int)response.StatusCode} to {path}: {System.Text.Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 300)))}");
        return body;
    }

    /// <summary>The status of a GET whose body is read and dropped.</summary>
    public int Status(string path)
    {
        using HttpResponseMessage response = Send(HttpMethod.Get, path);
        Body(response);
        return (int)response.StatusCode;
    }

    /// <summary>Has live data cut into blocks, where the server can be asked to.</summary>
    public void Flush() => Send(HttpMethod.Post, "/flush").Dispose();

    /// <summary>Spans between two times, in seconds, both included.</summary>
    public long CountSpans(long startSeconds, long endSeconds)
    {
        using JsonDocument answer = JsonDocument.Parse(
            Get($"/api/metrics/query?q={Uri.EscapeDataString("{} | count_over_time()")}&start={startSeconds}&end={endSeconds}"));
        return (long)Answer.Count(answer.RootElement);
    }

    /// <summary>The path of a query over a range of seconds.</summary>
    public static string Path(QueryCase query, string text, long startSeconds, long endSeconds, int maxTraces)
    {
        string range = $"start={startSeconds}&end={endSeconds}", q = Uri.EscapeDataString(text),
            filter = query.Filter.Length == 0 ? "" : $"&q={Uri.EscapeDataString(query.Filter)}";
        return query.Kind switch
        {
            QueryKind.Search => $"/api/search?q={q}&{range}&limit={Math.Min(query.Limit, maxTraces)}&spss=1",
            QueryKind.Range => $"/api/metrics/query_range?q={q}&{range}&step={Answer.StepSeconds}s",
            QueryKind.TagValues => $"/api/v2/search/tag/{text}/values?{range}{filter}",
            _ => $"/api/v2/search/tags?{range}{(text.Length == 0 ? "" : $"&scope={text}")}{filter}",
        };
    }

    public void Dispose()
    {
        _client.Dispose();
        owned?.Dispose();
    }

    private HttpResponseMessage Send(HttpMethod method, string path)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path);
            return _client.Send(request, HttpCompletionOption.ResponseContentRead);
        }
        catch (HttpRequestException e)
        {
            throw new IOException($"{name} at {api}: {e.Message}", e);
        }
    }

    private static byte[] Body(HttpResponseMessage response)
    {
        using var body = new MemoryStream();
        using Stream stream = response.Content.ReadAsStream();
        stream.CopyTo(body);
        return body.ToArray();
    }
}
