using System.Text.Json;

namespace Tempo.Perf.Ring;

/// <summary>A query of the last half hour, asked of the first node.</summary>
internal static class Query
{
    /// <summary>Throws where the answer is an error, or says that it is partial.</summary>
    public static async Task AskAsync(Cluster cluster, HttpClient http, string query, bool isSearch)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var path = isSearch ? "/api/search?limit=20" : "/api/metrics/query_range?step=10s";
        using var answer = await http.GetAsync(
            $"http://127.0.0.1:{cluster.Nodes[0].Api}{path}&start={now - 1800}&end={now + 60}&q={Uri.EscapeDataString(query)}");
        var text = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{query}: {(int)answer.StatusCode} {text}");
        using var json = JsonDocument.Parse(text);
        if (json.RootElement.TryGetProperty("status", out var status)) throw new InvalidOperationException($"{query}: {status}");
    }
}
