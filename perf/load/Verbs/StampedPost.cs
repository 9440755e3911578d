using System.Net.Http.Headers;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// Requests that go out one after the other over OTLP/HTTP, by a verb that needs data and does not measure how fast it is taken.
/// </summary>
internal static class StampedPost
{
    /// <summary>
    /// Stamps a template with the time of half a minute ago, sends it, and returns its bytes. Throws <see cref="HttpRequestException"/> if
    /// it is not taken.
    /// </summary>
    public static int Send(HttpClient client, StartedServer server, RequestStamper stamper, RequestTemplate template)
    {
        var request = new byte[template.Bytes.Length];
        stamper.Stamp(template, (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - 30_000) * 1_000_000, request);
        using var content = new ByteArrayContent(request);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        client.PostAsync(new Uri($"http://127.0.0.1:{server.Http}/v1/traces"), content).GetAwaiter().GetResult().EnsureSuccessStatusCode();
        return request.Length;
    }
}
