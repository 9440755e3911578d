using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Tempo.Engine.ObjectStore;

/// <summary>Google Cloud Storage's part of <see cref="IRemoteObjects"/>: its JSON API over HTTP, resumable uploads for parts.</summary>
internal sealed class GcsObjects : IRemoteObjects
{
    private const string Service = "https://storage.googleapis.com";
    private const string ApiPath = "/storage/v1"; // as Google's client for Go, and so Tempo's configuration, has it in the endpoint
    private const int MaxJsonBytes = 16 << 20;
    private const int PageObjects = 1000;
    private readonly HttpClient _http;
    private readonly HttpClient _machine = BoundedAnswers.NewClient(useProxy: false);
    private readonly GcsTokens? _tokens;
    private readonly Uri _service;
    private readonly string _objects;
    private readonly string _uploads;

    public GcsObjects(GcsOptions options, TimeProvider time)
    {
        _http = BoundedAnswers.NewClient(trustsAll: options.IsInsecure);
        var service = options.Endpoint.Length == 0 ? Service : options.Endpoint.TrimEnd('/');
        if (service.EndsWith(ApiPath, StringComparison.Ordinal)) service = service[..^ApiPath.Length];
        if (!options.IsInsecure && service.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
            _tokens = new GcsTokens(_http, _machine, options, time);
        _service = new Uri(service);
        var bucket = Uri.EscapeDataString(options.Bucket);
        _objects = $"{service}{ApiPath}/b/{bucket}/o";
        _uploads = $"{service}/upload{ApiPath}/b/{bucket}/o";
    }

    public void Dispose()
    {
        _machine.Dispose();
        _http.Dispose();
    }

    public async Task PutAsync(string name, ReadOnlyMemory<byte> content, PutCondition condition, CancellationToken cancellation)
    {
        // Generation 0 is: none.
        var generation = condition.OnlyIfAbsent ? "0" : condition.Version;
        var url = $"{_uploads}?uploadType=media&name={Uri.EscapeDataString(name)}{(generation is null ? "" : $"&ifGenerationMatch={generation}")}";
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = Body(content) };
        using var answer = await SendAsync(request, cancellation).ConfigureAwait(false);
    }

    public async Task<IRemoteUpload> BeginUploadAsync(string name, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"{_uploads}?uploadType=resumable&name={Uri.EscapeDataString(name)}")
        { Content = Body(default) };
        using var answer = await SendAsync(request, cancellation).ConfigureAwait(false);
        var location = answer.Headers.Location ?? throw new IOException("the answer to the begin of an upload names no Location");
        return new GcsUpload(this, new Uri(request.RequestUri!, location));
    }

    public async Task<RemoteRange> GetRangeAsync(string name, long offset, ReadTarget destination, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, UrlOf(name) + "?alt=media");
        request.Headers.Range = new RangeHeaderValue(offset, offset + destination.Length - 1);
        using var answer = await SendAsync(request, cancellation).ConfigureAwait(false);
        var (size, count) = RemoteBody.Announced(
            answer.Content.Headers.ContentRange?.ToString(), answer.Content.Headers.ContentLength, offset, destination.Length);
        var body = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await RemoteBody.ReadAsync(body, destination.First(count), cancellation).ConfigureAwait(false);
        return new RemoteRange(
            count, size, answer.Headers.TryGetValues("x-goog-generation", out var generation) ? string.Concat(generation) : "");
    }

    public async Task<ObjectInfo> GetInfoAsync(string name, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, UrlOf(name) + "?fields=size,updated,generation");
        using var json = await JsonAsync(request, cancellation).ConfigureAwait(false);
        return Info(json.RootElement);
    }

    public async Task<RemotePage> ListAsync(string prefix, bool recursive, string? continuation, CancellationToken cancellation)
    {
        var url = $"{_objects}?fields=items(name,size,updated),prefixes,nextPageToken&maxResults={PageObjects}&prefix={Uri.EscapeDataString(prefix)}"
            + (recursive ? "" : "&delimiter=%2F") + (continuation is null ? "" : $"&pageToken={Uri.EscapeDataString(continuation)}");
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        using var json = await JsonAsync(request, cancellation).ConfigureAwait(false);
        List<(string Name, ObjectInfo Info)> objects = [];
        List<string> folders = [];
        if (json.RootElement.TryGetProperty("items", out var items))
            foreach (var item in items.EnumerateArray())
                objects.Add((item.GetProperty("name").GetString() ?? "", Info(item)));
        if (json.RootElement.TryGetProperty("prefixes", out var prefixes))
            foreach (var folder in prefixes.EnumerateArray())
                folders.Add(folder.GetString() ?? "");
        return new RemotePage(objects, folders, json.RootElement.TryGetProperty("nextPageToken", out var next) ? next.GetString() : null);
    }

    public async Task DeleteAsync(string name, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, UrlOf(name));
        using var answer = await SendAsync(request, cancellation).ConfigureAwait(false);
    }

    public RemoteFault Classify(Exception exception, out TimeSpan retryAfter)
    {
        retryAfter = exception is GcsAnswerException answer ? answer.RetryAfter : default;
        return exception switch
        {
            HttpRequestException { StatusCode: { } status } => RemoteBody.Classify(status),
            HttpRequestException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException =>
                RemoteFault.Transient,
            _ => RemoteFault.Unknown,
        };
    }

    private string UrlOf(string name) => $"{_objects}/{Uri.EscapeDataString(name)}";

    private static ReadOnlyMemoryContent Body(ReadOnlyMemory<byte> content)
    {
        var body = new ReadOnlyMemoryContent(content);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return body;
    }

    private static ObjectInfo Info(JsonElement item) => new(
        long.Parse(item.GetProperty("size").GetString() ?? "", NumberStyles.None, CultureInfo.InvariantCulture),
        item.GetProperty("updated").GetDateTimeOffset())
    {
        Version = item.TryGetProperty("generation", out var generation) ? generation.GetString() ?? "" : "",
    };

    private async Task<JsonDocument> JsonAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        using var answer = await SendAsync(request, cancellation).ConfigureAwait(false);
        await answer.Content.LoadIntoBufferAsync(MaxJsonBytes, cancellation).ConfigureAwait(false);
        return JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false));
    }

    // Only with the headers: a body is read by who knows how much of it belongs.
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        // An upload goes on where the service says; the token stays where it belongs, and Google's sessions need none.
        if (_tokens is not null && Uri.Compare(
            request.RequestUri, _service, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0)
            request.Headers.Authorization =
                new AuthenticationHeaderValue("Bearer", await _tokens.GetAsync(cancellation).ConfigureAwait(false));
        var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.PermanentRedirect) return answer;
        using (answer)
            throw new GcsAnswerException($"the service answered {(int)answer.StatusCode} {answer.ReasonPhrase}", answer.StatusCode,
                answer.Headers.RetryAfter?.Delta ?? default);
    }

    private sealed class GcsAnswerException(
        string message, HttpStatusCode status, TimeSpan retryAfter) : HttpRequestException(message, inner: null, status)
    {
        public TimeSpan RetryAfter { get; } = retryAfter;
    }

    // A session takes its chunks in order and says after each how far it is (308); the last one, which ends at a known size,
    // completes the object. So the last part is held back until it is known to be the last.
    private sealed class GcsUpload(GcsObjects owner, Uri session) : IRemoteUpload
    {
        private byte[] _held = [];
        private int _heldNumber;
        private long _sent;

        public async Task PutPartAsync(int number, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            if (number != _heldNumber && _held.Length > 0)
            {
                await SendAsync($"bytes {_sent}-{_sent + _held.Length - 1}/*", _held, cancellation).ConfigureAwait(false);
                _sent += _held.Length;
            }

            _held = content.ToArray();
            _heldNumber = number;
        }

        public Task CompleteAsync(CancellationToken cancellation) =>
            SendAsync($"bytes {_sent}-{_sent + _held.Length - 1}/{_sent + _held.Length}", _held, cancellation);

        public async Task AbortAsync(CancellationToken cancellation)
        {
            using var request = new HttpRequestMessage(HttpMethod.Delete, session);
            using var answer =
                await owner._http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        }

        private async Task SendAsync(string range, byte[] content, CancellationToken cancellation)
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, session) { Content = Body(content) };
            request.Content.Headers.TryAddWithoutValidation("Content-Range", range);
            using var answer = await owner.SendAsync(request, cancellation).ConfigureAwait(false);
        }
    }
}
